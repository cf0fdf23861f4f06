// What the arguments of a catalogued tool can be, as policies see them, and whether arguments are that. Made from the catalog's
// JSON Schema, written into the Cedar schema and into the revision; who describes arguments and who decides on them ask the
// same function, so that the two cannot take them differently.

// Types and not interfaces: they are written as canonical JSON.

export type ScalarType =
  /** `values`: the only ones, or null for any. */
  | { readonly kind: "text"; readonly values: readonly string[] | null }
  | { readonly kind: "integer"; readonly values: readonly number[] | null }
  | { readonly kind: "boolean" };

/** What policies cannot look at: arguments that hold it cannot be described. */
export type OpaqueType = {
  readonly kind: "opaque";
  /** What the catalog says it is, for example `a number`. */
  readonly what: string;
};

export type RecordType = {
  readonly kind: "record";
  /** By name, sorted; nothing else may stand there. */
  readonly members: readonly RecordMember[];
};

export type ArgumentType =
  | ScalarType
  | { readonly kind: "set"; readonly of: ScalarType }
  | RecordType
  | OpaqueType;

export type RecordMember = {
  readonly name: string;
  readonly required: boolean;
  /** Whether it may be null, which policies see as its absence. */
  readonly nullable: boolean;
  readonly type: ArgumentType;
};

export type ArgumentValues = Readonly<Record<string, unknown>>;

export interface ArgumentFault {
  /** The names that lead to the member. */
  readonly path: readonly string[];
  /** What is wrong with it, without its value: `is missing`. */
  readonly problem: string;
}

/** The first thing that keeps `values` from being described; null when nothing does. `values` come from strict JSON. */
export function argumentFault(type: RecordType, values: unknown): ArgumentFault | null {
  if (!isRecord(values)) return { path: [], problem: "is not an object" };
  const known = new Set(type.members.map(({ name }) => name));
  const unknown = Object.keys(values).find((name) => !known.has(name));
  if (unknown !== undefined) return { path: [unknown], problem: "is not among the catalog's `parameters`" };
  for (const { name, required, nullable, type: of } of type.members) {
    const has = Object.hasOwn(values, name);
    if (!has && required) return { path: [name], problem: "is missing" };
    const isNull = nullable && has && values[name] === null;
    const fault = has && !isNull ? faultOf(of, values[name]) : null;
    if (fault !== null) return { path: [name, ...fault.path], problem: fault.problem };
  }
  return null;
}

function isRecord(value: unknown): value is ArgumentValues {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function faultOf(type: ArgumentType, value: unknown): ArgumentFault | null {
  switch (type.kind) {
    case "record":
      return argumentFault(type, value);
    case "opaque":
      return here(`is ${type.what}, which policies cannot look at`);
    case "set": {
      if (!Array.isArray(value)) return here("is not a list");
      for (const item of value) {
        const problem = scalarProblem(type.of, item);
        if (problem !== null) return here(`holds something that ${problem}`);
      }
      return null;
    }
    default: {
      const problem = scalarProblem(type, value);
      return problem === null ? null : here(problem);
    }
  }
}

function scalarProblem(type: ScalarType, value: unknown): string | null {
  switch (type.kind) {
    case "text":
      if (typeof value !== "string" || !value.isWellFormed()) return "is not text";
      return type.values === null || type.values.includes(value) ? null : notListed;
    case "integer":
      if (typeof value !== "number" || !Number.isSafeInteger(value))
        return "is not a whole number below 2^53";
      return type.values === null || type.values.includes(value) ? null : notListed;
    case "boolean":
      return typeof value === "boolean" ? null : "is neither true nor false";
  }
}

const notListed = "is none of the values that the catalog lists";

function here(problem: string): ArgumentFault {
  return { path: [], problem };
}
