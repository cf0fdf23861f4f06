// Small readers of parsed JSON, shared by everything that describes a request or an answer.

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An own member, or undefined: never what an object inherits. */
export function member(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** An object or an array. */
export function isStructured(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Visits every string in `value`, keys too, without recursion. */
export function eachString(value: unknown, visit: (text: string) => void): void {
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next === "string") visit(next);
    else if (Array.isArray(next)) for (const item of next) waiting.push(item);
    else if (isObject(next)) {
      for (const [key, item] of Object.entries(next)) {
        visit(key);
        waiting.push(item);
      }
    }
  }
}
