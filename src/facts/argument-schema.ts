// From a catalog entry's `parameters` (JSON Schema) to what policies can look at. A member's type is what `type` says, or the
// strings of an `enum`; whatever else a schema says can only narrow it, and policies see the value itself. What has no such
// type is opaque: what policy cannot look at is not let through.

import type { ArgumentType, RecordMember, RecordType, ScalarType } from "../core/argument-type.ts";
import { cedarKeys } from "./arguments.ts";
import { isObject, type JsonObject, member } from "./json-shape.ts";

/** Deeper than anybody writes a policy about. */
const maxDepth = 8;

/** Of the arguments as a whole, which are an object whatever the schema says. */
export function argumentRecord(parameters: JsonObject): RecordType {
  return recordOf(parameters, 1);
}

/** The members that policies cannot look at, as paths with dots, and what they are. */
export function opaqueMembers(
  { members }: RecordType,
  under = "",
): readonly { readonly path: string; readonly what: string }[] {
  return members.flatMap(({ name, type }) => {
    const path = `${under}${name}`;
    if (type.kind === "record") return opaqueMembers(type, `${path}.`);
    return type.kind === "opaque" ? [{ path, what: type.what }] : [];
  });
}

function recordOf(schema: JsonObject, depth: number): RecordType {
  const properties = member(schema, "properties");
  const stated = isObject(properties) ? properties : {};
  const required = new Set(textsIn(member(schema, "required")));
  const names = [...new Set([...Object.keys(stated), ...required])].sort();
  const members = names.map((name): RecordMember => {
    const { schema: of, nullable } = withoutNull(member(stated, name));
    const isReserved = cedarKeys.some((key) => key === name);
    const type = isReserved ? opaque("a name that policies reserve") : typeOf(of, depth);
    return { name, required: required.has(name), nullable, type };
  });
  return { kind: "record", members };
}

/** A member that may be null besides, in one of the two ways in which that is written. Strict function calling knows no other optional ones. */
function withoutNull(schema: unknown): { readonly schema: unknown; readonly nullable: boolean } {
  const [one, other, ...more] = isObject(schema) ? alternatives(schema) : [];
  if (one === undefined || other === undefined || more.length > 0) return { schema, nullable: false };
  if (isNullSchema(other)) return { schema: one, nullable: true };
  return isNullSchema(one) ? { schema: other, nullable: true } : { schema, nullable: false };
}

function alternatives(schema: JsonObject): readonly unknown[] {
  const types = member(schema, "type");
  if (isList(types)) return types.map((type) => ({ ...schema, type }));
  const listed = member(schema, "anyOf") ?? member(schema, "oneOf");
  return types === undefined && isList(listed) ? listed : [];
}

function isNullSchema(schema: unknown): boolean {
  return isObject(schema) && typeName(schema) === "null";
}

function typeOf(schema: unknown, depth: number): ArgumentType {
  if (!isObject(schema)) return opaque("of no stated type");
  const scalar = scalarOf(schema);
  if (scalar !== null) return scalar;
  switch (typeName(schema)) {
    case "object":
      if (!isObject(member(schema, "properties"))) return opaque("an object without `properties`");
      return depth < maxDepth ? recordOf(schema, depth + 1) : opaque("an object that lies too deep");
    case "array": {
      const items = member(schema, "items");
      const of = isObject(items) ? scalarOf(items) : null;
      return of === null
        ? opaque("a list of other things than text, whole numbers or booleans")
        : { kind: "set", of };
    }
    case "number":
      return opaque("a number that need not be whole");
    case "null":
      return opaque("null");
    case null:
      return opaque(isList(member(schema, "type")) ? "of more than one type" : "of no stated type");
    default:
      return opaque("of an unknown type");
  }
}

function scalarOf(schema: JsonObject): ScalarType | null {
  const listed = valuesOf(schema);
  switch (typeName(schema)) {
    case "string":
      return { kind: "text", values: listed?.filter(isText) ?? null };
    case "integer":
      return { kind: "integer", values: listed?.filter(isWhole) ?? null };
    case "boolean":
      return { kind: "boolean" };
    case null:
      return listed?.every(isText) === true && member(schema, "type") === undefined
        ? { kind: "text", values: listed.filter(isText) }
        : null;
    default:
      return null;
  }
}

/** Null where `type` is missing or names several. */
function typeName(schema: JsonObject): string | null {
  const type = member(schema, "type");
  const [only, ...others] = isList(type) ? type : [type];
  return typeof only === "string" && others.length === 0 ? only : null;
}

/** The only values that the schema takes, or null. */
function valuesOf(schema: JsonObject): readonly unknown[] | null {
  const listed = member(schema, "enum");
  const only = member(schema, "const");
  if (only !== undefined) return [only];
  return isList(listed) ? listed : null;
}

function opaque(what: string): ArgumentType {
  return { kind: "opaque", what };
}

function textsIn(value: unknown): readonly string[] {
  return isList(value) ? value.filter(isText) : [];
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
