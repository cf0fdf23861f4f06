// Canonical JSON (RFC 8785) for the values we sign, hash and log. Narrower than the RFC on purpose: integers only,
// because nothing in the trail is a float.

export type CanonicalValue =
  | string
  | number
  | boolean
  | null
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue };

/** Throws `TypeError` on a float, an unsafe integer, a lone surrogate or `undefined`: each would be a bug in the caller. */
export function canonicalJson(value: CanonicalValue): string {
  switch (typeof value) {
    case "string":
      return canonicalString(value);
    case "number":
      if (!Number.isSafeInteger(value)) throw new TypeError(`not a safe integer: ${value}`);
      return Object.is(value, -0) ? "0" : String(value);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      return isArray(value) ? canonicalArray(value) : canonicalObject(value);
    default:
      throw new TypeError(`not a JSON value: ${typeof value}`);
  }
}

// JSON.stringify escapes exactly as RFC 8785 §3.2.2.2 asks, except that it escapes lone surrogates instead of failing.
function canonicalString(value: string): string {
  if (!value.isWellFormed()) throw new TypeError("a string holds a lone surrogate");
  return JSON.stringify(value);
}

function canonicalArray(value: readonly CanonicalValue[]): string {
  return `[${value.map(canonicalJson).join(",")}]`;
}

// Array.prototype.sort compares UTF-16 code units, which is the order of RFC 8785 §3.2.3.
function canonicalObject(value: { readonly [key: string]: CanonicalValue }): string {
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member === undefined) throw new TypeError(`member ${key} is undefined`);
    members.push(`${canonicalString(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(",")}}`;
}

// Array.isArray does not narrow readonly arrays.
function isArray(value: object): value is readonly CanonicalValue[] {
  return Array.isArray(value);
}
