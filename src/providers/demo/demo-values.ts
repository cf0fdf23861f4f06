// Values for a JSON Schema: small, deterministic, and where a message offers something fitting, taken from it. Covers
// what tools and structured outputs use of JSON Schema; `pattern` and conditionals are beyond a demo.

import { isObject, type JsonObject, member, objects, stringOf } from "./demo-json.ts";
import type { MessageHints } from "./message-hints.ts";

const maxDepth = 12;
const maxItems = 16;
/** Values in one answer: a hostile schema can ask for exponentially many. */
const maxValues = 1000;

export function valueFor(schema: unknown, hints: MessageHints): unknown {
  return new ValueMaker(schema, hints).value(schema, "", maxDepth);
}

class ValueMaker {
  readonly #root: unknown;
  readonly #hints: MessageHints;
  #made = 0;

  constructor(root: unknown, hints: MessageHints) {
    this.#root = root;
    this.#hints = hints;
  }

  value(written: unknown, name: string, depth: number): unknown {
    this.#made += 1;
    if (depth === 0 || this.#made > maxValues) return null;
    const schema = this.#resolved(written, depth);
    if (!isObject(schema)) return this.#hints.textFor(name, null);
    if (Object.hasOwn(schema, "const")) return schema["const"];
    const choices = list(member(schema, "enum"));
    if (choices.length > 0) return choices.find((one) => this.#isMentioned(one)) ?? choices[0];
    const variants = [...list(member(schema, "anyOf")), ...list(member(schema, "oneOf"))];
    const variant = variants.find((one) => member(one, "type") !== "null") ?? variants[0];
    return variant === undefined ? this.#typed(schema, name, depth) : this.value(variant, name, depth - 1);
  }

  #typed(schema: JsonObject, name: string, depth: number): unknown {
    switch (typeOf(schema)) {
      case "object":
        return this.#object(schema, depth);
      case "array":
        return this.#array(schema, name, depth);
      case "integer":
        return Math.ceil(this.#number(schema));
      case "number":
        return this.#number(schema);
      case "boolean":
        return true;
      case "null":
        return null;
      default:
        return fitted(this.#hints.textFor(name, stringOf(member(schema, "format"))), schema);
    }
  }

  #object(schema: JsonObject, depth: number): JsonObject {
    const properties = member(schema, "properties");
    if (!isObject(properties)) return {};
    const required = member(schema, "required");
    // What may be left out is given only where nothing says what may.
    const names = Array.isArray(required) ? list(required) : Object.keys(properties);
    return Object.fromEntries(
      names
        .filter((name) => typeof name === "string")
        .map((name) => [name, this.value(member(properties, name), name, depth - 1)]),
    );
  }

  #array(schema: JsonObject, name: string, depth: number): readonly unknown[] {
    const least = numberOf(member(schema, "minItems")) ?? 0;
    const most = numberOf(member(schema, "maxItems")) ?? maxItems;
    const length = Math.max(0, Math.min(Math.max(least, 1), most, maxItems));
    return Array.from({ length }, () => this.value(member(schema, "items"), name, depth - 1));
  }

  #number(schema: JsonObject): number {
    const above = numberOf(member(schema, "exclusiveMinimum"));
    const below = numberOf(member(schema, "exclusiveMaximum"));
    const hinted = this.#hints.number ?? 1;
    const least = numberOf(member(schema, "minimum")) ?? (above === null ? hinted : above + 1);
    const most = numberOf(member(schema, "maximum")) ?? (below === null ? hinted : below - 1);
    const value = Math.max(least, Math.min(most, hinted));
    const step = numberOf(member(schema, "multipleOf"));
    return step !== null && step > 0 ? Math.ceil(value / step) * step : value;
  }

  #isMentioned(value: unknown): boolean {
    return typeof value === "string" && this.#hints.mentions(value);
  }

  /** A local `$ref` followed, and the parts of `allOf` laid under the schema. */
  #resolved(schema: unknown, depth: number): unknown {
    const reference = stringOf(member(schema, "$ref"));
    if (reference?.startsWith("#") === true && depth > 1) {
      let at: unknown = this.#root;
      for (const part of reference.split("/").slice(1)) {
        at = member(at, part.replaceAll("~1", "/").replaceAll("~0", "~"));
      }
      return this.#resolved(at, depth - 1);
    }
    const parts = objects(member(schema, "allOf"));
    return parts.length > 0 && isObject(schema) ? Object.assign({}, ...parts, schema) : schema;
  }
}

function typeOf(schema: JsonObject): unknown {
  const type = member(schema, "type");
  if (Array.isArray(type)) return list(type).find((one) => one !== "null");
  if (type === undefined && member(schema, "properties") !== undefined) return "object";
  if (type === undefined && member(schema, "items") !== undefined) return "array";
  return type;
}

function fitted(text: string, schema: JsonObject): string {
  const least = Math.min(1000, numberOf(member(schema, "minLength")) ?? 0);
  const most = Math.max(0, numberOf(member(schema, "maxLength")) ?? text.length);
  return [...text.padEnd(least, "-")].slice(0, Math.max(least, most)).join("");
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
