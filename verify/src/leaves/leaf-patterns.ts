// The schema once more, as the text that a leaf has in canonical form (RFC 8785): one regular expression for each type, made
// from the schema itself. What matches needs no slower look; what does not is decided by the schema (parse-leaf.ts). So a
// pattern may know too little and never too much: where the schema says anything that is not known here, that type has
// none. Tests hold the patterns against the schema.

import { z } from "zod";
import { leafSchema } from "./leaf-schema.ts";

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** By type of leaf. All but the order of the members of a record is in them: its text is what they capture. */
export function leafPatterns(): ReadonlyMap<string, RegExp> {
  made ??= new Map(leafSchema.options.flatMap((option) => named(option.shape.type.value, option)));
  return made;
}

let made: ReadonlyMap<string, RegExp> | null = null;

function named(type: string, schema: z.ZodType): readonly (readonly [string, RegExp])[] {
  const pattern = textOf(z.toJSONSchema(schema, { override: markUnknown, unrepresentable: "any" }));
  // Of a second record nobody would look at the order.
  return pattern === null || pattern.split(record).length > 2 ? [] : [[type, new RegExp(`^${pattern}$`)]];
}

/** How the text of a record is captured. */
const record = String.raw`(\{`;

const knownChecks: ReadonlySet<string> = new Set([
  "max_length",
  "min_length",
  "greater_than",
  "string_format",
  "number_format",
]);

/** What JSON Schema has no words for, and would be left out. */
function markUnknown({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodType;
  jsonSchema: JsonSchema;
}): void {
  const { checks = [] } = zodSchema._zod.def;
  if (checks.some(({ _zod }) => !knownChecks.has(_zod.def.check))) jsonSchema["x-unknown"] = true;
}

/** The canonical texts of all values that the schema takes. Null unless each of its keywords is known. */
function textOf(schema: JsonSchema): string | null {
  const keywords = Object.keys(schema).filter((keyword) => keyword !== "$schema");
  switch (`${schema.type ?? ""}: ${keywords.sort().join(" ")}`) {
    case "null: type":
      return "null";
    case "boolean: type":
      return "(?:true|false)";
    case "number: const type":
    case "string: const type":
      return literal(schema.const);
    case "string: enum type":
      return anyOf((schema.enum ?? []).map(literal));
    case ": anyOf":
      return anyOf((schema.anyOf ?? []).map(textOf));
    case "string: type":
    case "string: maxLength type":
      return stringText(schema.maxLength);
    case "string: pattern type":
    case "string: format pattern type":
      return patternText(schema.pattern);
    case "integer: maximum minimum type":
      return integerText(schema);
    case "array: items type":
    case "array: items maxItems type":
    case "array: items minItems type":
    case "array: items maxItems minItems type":
      return arrayText(schema);
    case "object: additionalProperties properties required type":
      return schema.additionalProperties === false ? objectText(schema) : null;
    case "object: additionalProperties propertyNames type":
      return recordText(schema);
    default:
      return null;
  }
}

function literal(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

function anyOf(texts: readonly (string | null)[]): string | null {
  return texts.includes(null) ? null : `(?:${texts.join("|")})`;
}

// Code units that stand for themselves, and those that are escaped (RFC 8785 §3.2.2.2). Half a surrogate pair is neither:
// text that was UTF-8 has none.
const plain = String.raw`[^"\\\u0000-\u001f]`;
const escaped = String.raw`\\(?:["\\bfnrt]|u00(?:0[0-7bef]|1[0-9a-f]))`;

/**
 * The longest are counted in UTF-16 code units, as the schema does. The first way is the fast one, and the second is for
 * texts with a backslash alone. INVARIANT: of every text there is one way to match it, or a hostile leaf of many strings would
 * be tried in all combinations of them.
 */
function stringText(max: number | undefined): string {
  const times = `{0,${max ?? ""}}`;
  return String.raw`"(?:${plain}${times}"|(?=${plain}*\\)(?:${plain}|${escaped})${times}")`;
}

/** Patterns that spell out which letters and digits they take, so that none takes a quote or what is escaped. */
const spelledOut = /^\^(?:[0-9A-Za-z():?|{},-]|\[(?:[0-9]-[0-9]|a-[a-z]|A-[A-Z]|[0-9A-Za-z])+\]|\\[d.])+\$$/;

function patternText(pattern: string | undefined): string | null {
  if (pattern === undefined || !spelledOut.test(pattern)) return null;
  // Only records are captured.
  return `"(?:${pattern.slice(1, -1).replaceAll(/\((?!\?)/g, "(?:")})"`;
}

/** With at most 15 digits, any number of which is exact. */
function integerText({ minimum, maximum }: JsonSchema): string | null {
  if (maximum !== Number.MAX_SAFE_INTEGER) return null;
  switch (minimum) {
    case 1:
      return "[1-9][0-9]{0,14}";
    case 0:
      return "(?:0|[1-9][0-9]{0,14})";
    case Number.MIN_SAFE_INTEGER:
      return "(?:0|-?[1-9][0-9]{0,14})";
    default:
      return null;
  }
}

function arrayText({ items, minItems = 0, maxItems }: JsonSchema): string | null {
  const item = known(items);
  if (item === null || minItems > 1 || maxItems === 0) return null;
  const more = `{0,${maxItems === undefined ? "" : maxItems - 1}}`;
  return String.raw`\[(?:${item}(?:,${item})${more})${minItems === 0 ? "?" : ""}\]`;
}

function objectText({ properties = {}, required = [] }: JsonSchema): string | null {
  let text = "";
  // In the order of UTF-16 code units (RFC 8785 §3.2.3).
  for (const name of Object.keys(properties).sort()) {
    const value = known(properties[name]);
    const isRequired = required.includes(name);
    // Of a first member that may be missing it is not known whether a comma follows.
    if (value === null || (text === "" && !isRequired)) return null;
    const member = `${text === "" ? "" : ","}${literal(name)}:${value}`;
    text += isRequired ? member : `(?:${member})?`;
  }
  return String.raw`\{${text}\}`;
}

function recordText({ propertyNames, additionalProperties }: JsonSchema): string | null {
  const [name, value] = [known(propertyNames), known(additionalProperties)];
  if (name === null || value === null) return null;
  const member = `${name}:${value}`;
  return String.raw`${record}(?:${member}(?:,${member})*)?\})`;
}

function known(schema: JsonSchema["items"]): string | null {
  return typeof schema === "object" && !Array.isArray(schema) ? textOf(schema) : null;
}
