// A tool call's arguments in Cedar's terms: member by member as the catalog's type says, so that nothing that a caller wrote is
// ever taken for Cedar's own JSON.

import type { CedarValueJson } from "@cedar-policy/cedar-wasm/nodejs";
import {
  type ArgumentType,
  type ArgumentValues,
  argumentFault,
  type RecordType,
  type ScalarType,
} from "../core/argument-type.ts";
import { cedarString } from "./cedar-text.ts";
import { isBool, isLong, isText } from "./scalar-facts.ts";
import type { KnownArguments } from "./world-names.ts";

/** What policies look at may hold this many characters and items; more would cost each evaluation milliseconds. */
const mostRead = 64 * 1024;
const costOfItem = 64;

/** Whether they are what the catalog says, all of them, and what policies look at is not too much; null when they are. */
export function argumentsProblem({ all, read }: KnownArguments, values: unknown): string | null {
  if (argumentFault(all, values) !== null) return "the fact `arguments` cannot be described";
  return read !== null && sizeOf(values, read) > mostRead
    ? "the arguments that policies look at are too large"
    : null;
}

/** Of `values` what `type` names. Throws when they are not what they were checked to be. */
export function argumentRecordValue(type: RecordType, values: unknown): Record<string, CedarValueJson> {
  return Object.fromEntries(
    type.members.flatMap(({ name, required, nullable, type: of }): readonly [string, CedarValueJson][] => {
      const value = ownMember(values, name);
      if (value === undefined && required) throw new Error("an argument is missing");
      const isAbsent = value === undefined || (nullable && value === null);
      return isAbsent ? [] : [[name, cedarArgument(of, value)]];
    }),
  );
}

/** The type as Cedar's schema writes it. What policies cannot look at stands there as a comment. */
export function argumentTypeText(type: RecordType, indent: string): string {
  const inner = `${indent}  `;
  const lines = type.members.map(({ name, required, nullable, type: of }) => {
    const written = `${cedarString(name)}${required && !nullable ? "" : "?"}:`;
    switch (of.kind) {
      case "opaque":
        return `${inner}// ${cedarString(name)} is ${of.what}: a call that gives it is denied.`;
      case "record":
        return `${inner}${written} ${argumentTypeText(of, inner)},`;
      case "set":
        return `${inner}${written} Set<${scalarText(of.of)}>,`;
      default:
        return `${inner}${written} ${scalarText(of)},`;
    }
  });
  return lines.length === 0 ? "{}" : `{\n${lines.join("\n")}\n${indent}}`;
}

/** Arguments that the type lets pass and that say as little as possible, to stand where the real ones are not known. */
export function emptyArguments({ members }: RecordType): ArgumentValues {
  return Object.fromEntries(
    members.filter(({ required }) => required).map(({ name, type }) => [name, emptyArgument(type)]),
  );
}

function cedarArgument(type: ArgumentType, value: unknown): CedarValueJson {
  if (type.kind === "record") return argumentRecordValue(type, value);
  if (type.kind === "set" && Array.isArray(value)) return value.map((item) => scalarValue(type.of, item));
  if (type.kind === "set" || type.kind === "opaque") throw new Error("an argument is not of its type");
  return scalarValue(type, value);
}

function scalarValue({ kind }: ScalarType, value: unknown): CedarValueJson {
  if (kind === "text" && isText(value)) return value;
  if (kind === "integer" && isLong(value)) return value;
  if (kind === "boolean" && isBool(value)) return value;
  throw new Error("an argument is not of its type");
}

function scalarText({ kind }: ScalarType): string {
  switch (kind) {
    case "text":
      return "String";
    case "integer":
      return "Long";
    case "boolean":
      return "Bool";
  }
}

/** In characters, with as much again for each thing as marshalling it costs. */
function sizeOf(values: unknown, type?: RecordType): number {
  if (typeof values === "string") return values.length;
  if (typeof values !== "object" || values === null) return costOfItem;
  const members =
    type === undefined ? Object.values(values) : type.members.map(({ name }) => ownMember(values, name));
  return members.reduce((sum: number, one) => sum + costOfItem + sizeOf(one), 0);
}

function emptyArgument(type: ArgumentType): unknown {
  switch (type.kind) {
    case "text":
      return type.values?.[0] ?? "";
    case "integer":
      return type.values?.[0] ?? 0;
    case "boolean":
      return false;
    case "set":
      return [];
    case "record":
      return emptyArguments(type);
    case "opaque":
      return null;
  }
}

function ownMember(values: unknown, name: string): unknown {
  return typeof values === "object" && values !== null && Object.hasOwn(values, name)
    ? Reflect.get(values, name)
    : undefined;
}
