// The config with its defaults filled in, in the units that people write, and which of it are defaults: for `config show`.

import { Document, isCollection, isScalar } from "yaml";
import type { z } from "zod";

type Schema = z.core.JSONSchema.BaseSchema;
type Path = readonly (string | number)[];

export interface EffectiveConfig {
  /** As a file could hold it: written out in full it means the same. Passwords in URLs are masked. */
  readonly config: unknown;
  /** Where the values stand that the file does not have. */
  readonly defaults: readonly Path[];
}

/** `schema` is the config's JSON Schema, `written` what a valid file holds. */
export function effectiveConfig(schema: Schema, written: unknown): EffectiveConfig {
  const defaults: Path[] = [];
  return { config: filled(schema, written, [], defaults), defaults };
}

/** YAML that says at each value whether it is a default. */
export function effectiveYaml({ config, defaults }: EffectiveConfig): string {
  const document = new Document(config);
  for (const path of defaults) {
    const node = document.getIn(path, true);
    if (isScalar(node)) node.comment = " default";
    else if (isCollection(node) && node.items.length === 0) {
      // Without it the comment would break the line.
      node.flow = true;
      node.comment = " default";
    }
  }
  return document.toString({ lineWidth: 0 });
}

function filled(schema: Schema, value: unknown, path: Path, defaults: Path[]): unknown {
  const shape = chosen(schema, value);
  if (Array.isArray(value)) {
    const { items } = shape;
    return value.map((item, at) => (isSchema(items) ? filled(items, item, [...path, at], defaults) : item));
  }
  if (!isRecord(value)) return typeof value === "string" ? withoutPassword(value) : value;
  const { properties = {}, additionalProperties } = shape;
  const full: Record<string, unknown> = {};
  for (const [key, property] of Object.entries(properties)) {
    if (!isSchema(property)) continue;
    if (Object.hasOwn(value, key)) full[key] = filled(property, value[key], [...path, key], defaults);
    else if (property.default !== undefined) {
      full[key] = filled(property, property.default, [...path, key], defaults);
      defaults.push([...path, key]);
    }
  }
  for (const [key, member] of Object.entries(value)) {
    if (Object.hasOwn(properties, key)) continue;
    full[key] = isSchema(additionalProperties)
      ? filled(additionalProperties, member, [...path, key], defaults)
      : member;
  }
  return full;
}

/** Of several shapes the one whose constants the value has, such as the `type` of a provider. */
function chosen(schema: Schema, value: unknown): Schema {
  const shapes = [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])].filter(isSchema);
  if (!isRecord(value)) return schema;
  const fits = shapes.find(({ properties = {} }) =>
    Object.entries(properties).every(
      ([key, property]) =>
        !isSchema(property) || property.const === undefined || property.const === value[key],
    ),
  );
  return fits ?? schema;
}

/** A URL may be the one place where a config holds a password itself. */
function withoutPassword(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.password === "") return text;
  url.password = "***";
  return url.href;
}

function isSchema(value: unknown): value is Schema {
  return isRecord(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
