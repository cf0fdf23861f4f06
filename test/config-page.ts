// Writes docs/config.md from the config's schema: `node test/config-page.ts`. A test holds the page to it.

import { writeFileSync } from "node:fs";
import type { z } from "zod";
import { configJsonSchema } from "../src/config/json-schema.ts";

export const configPage = new URL("../docs/config.md", import.meta.url);

/** Stands on the page, and must load. */
export const exampleConfig = `server:
  listen: 127.0.0.1:8787
providers:
  demo:
    type: demo
  openai:
    type: openai
    base_url: https://api.openai.com/v1
    api_key: secret://providers/openai   # put in with: portcullis secrets set providers/openai
    timeout: 2m
models:
  - name: fast
    targets:
      - openai/gpt-4o-mini
      - demo/assistant
groups:
  finance:
    - ana@example.com
    - bo@example.com
sign_offs:
  finance:
    approvers:
      - group:finance
    quorum: 2
tools:
  send_email:
    effect: write
applications:
  - name: assistant
    environment: production
`;

export function renderConfigPage(): string {
  const schema = configJsonSchema();
  return [...head, ...table(schema), "", ...sections(schema, "")].join("\n");
}

type Schema = z.core.JSONSchema.BaseSchema;

const head = [
  "# portcullis.yaml",
  "",
  "Every key, made from `src/config/schema.ts` by `node test/config-page.ts`. `portcullis check` reads a config and its policies",
  "and says what is wrong, with the line. The file is read at start and on SIGHUP; one that cannot be used leaves the running one in force.",
  "",
  "```yaml",
  ...exampleConfig.trimEnd().split("\n"),
  "```",
  "",
  "- Unknown keys are errors. So is whatever makes YAML read differently than it looks: duplicate keys, anchors and aliases,",
  "  merge keys, tags, a second document. The file is UTF-8 and at most 1 MiB. `no`, `on` and dates are text.",
  "- Folders are relative to the file. Neither `~` nor variables are replaced, in folders or anywhere else.",
  "- Durations are written with their unit: `250ms`, `60s`, `15m`, `1h`, `7d`. Sizes: `512B`, `16KiB`, `20MiB`, or a number of bytes.",
  "- Names are 1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`, starting and ending with a letter or digit.",
  "- Secrets never stand in the file. `secret://NAME` or `secret://NAME#FIELD` refers to what `portcullis secrets set NAME` put in.",
  "- `__proto__` cannot be a name.",
  "",
  "The key-encryption key comes from `$CREDENTIALS_DIRECTORY/portcullis-kek`, from the variable `PORTCULLIS_KEK` (with a warning;",
  "it is removed from the environment) or from the file `kek` in `keys`, which nobody but its owner may read. It is 32 bytes in",
  "base64 or hexadecimal digits. Where two of them are given they must be the same.",
  "",
  "In the tables *required* stands where there is no default, and — where a key may be left out.",
  "",
];

/** A heading and a table for each table of the config, in the order of the schema, outer ones first. */
function sections(schema: Schema, path: string): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, written]) => {
    const member = asSchema(written);
    const { place, value } = entryOf(member, path === "" ? key : `${path}.${key}`);
    const about = member.description === undefined ? [] : [member.description, ""];
    if (value.oneOf !== undefined) {
      return [
        `## ${place}`,
        "",
        ...about,
        ...value.oneOf
          .map(asSchema)
          .flatMap((option) => [
            `### ${place}, type: ${String(asSchema(option.properties?.["type"]).const)}`,
            "",
            ...table(option),
            "",
          ]),
      ];
    }
    if (value.properties === undefined) return [];
    return [`## ${place}`, "", ...about, ...table(value), "", ...sections(value, place)];
  });
}

/** What a key holds in the end: itself, or each entry of its list or table. */
function entryOf(schema: Schema, path: string): { readonly place: string; readonly value: Schema } {
  const { items, additionalProperties: values } = schema;
  if (items !== undefined && !Array.isArray(items)) return { place: `${path}[]`, value: asSchema(items) };
  if (isTableOfEntries(schema)) return { place: `${path}.${nameOfKeys(schema)}`, value: asSchema(values) };
  return { place: path, value: schema };
}

function table(schema: Schema): readonly string[] {
  const rows = Object.entries(schema.properties ?? {}).map(([key, written]) => {
    const member = asSchema(written);
    const initial = schema.required?.includes(key) === true ? "*required*" : defaultOf(member);
    return `| \`${key}\` | ${typeOf(member)} | ${initial} | ${member.description ?? ""} |`;
  });
  return ["| key | type | default | meaning |", "|---|---|---|---|", ...rows];
}

function typeOf(schema: Schema): string {
  if (schema.title !== undefined) return schema.title;
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(", ");
  switch (schema.type) {
    case "boolean":
      return "`true`, `false`";
    case "integer":
      return `whole number, ${schema.minimum} to ${schema.maximum}`;
    case "number":
      return `number, ${schema.minimum} or more`;
    case "array":
      return Array.isArray(schema.items) ? "list" : `list: ${typeOf(asSchema(schema.items))}`;
    case "string":
      return schema.maxLength === undefined ? "text" : `text, at most ${schema.maxLength} characters`;
    default:
      return isTableOfEntries(schema)
        ? `table by ${nameOfKeys(schema)}: ${typeOf(asSchema(schema.additionalProperties))}`
        : "table";
  }
}

function defaultOf({ default: value, properties }: Schema): string {
  if (value === undefined) return "—";
  if (properties !== undefined) return "see below";
  if (value === "" || (typeof value === "object" && value !== null && Object.keys(value).length === 0)) {
    return "empty";
  }
  return code(value);
}

function isTableOfEntries({ additionalProperties: values }: Schema): boolean {
  return typeof values === "object";
}

function nameOfKeys({ propertyNames }: Schema): string {
  const { title } = asSchema(propertyNames);
  return title === undefined || title === "name" ? "NAME" : title;
}

/** A schema that is only `true` or `false` tells nothing, and neither does one that is not there. */
function asSchema(
  schema: z.core.JSONSchema._JSONSchema | z.core.JSONSchema._JSONSchema[] | undefined,
): Schema {
  return typeof schema === "object" && !Array.isArray(schema) ? schema : {};
}

function code(value: unknown): string {
  return `\`${String(value)}\``;
}

if (import.meta.main) writeFileSync(configPage, renderConfigPage());
