import assert from "node:assert/strict";
import { test } from "node:test";
import type { z } from "zod";
import { loaded, problemsOf } from "./config.test-support.ts";
import { configJsonSchema } from "./json-schema.ts";
import { configSchema } from "./schema.ts";

test("a config that uses every key is read as it is meant", async (t) => {
  const { config } = await loaded(
    t,
    `server: { listen: "0.0.0.0:443", public_url: "https://gate.example.com/x", trusted_proxies: [10.0.0.0/8] }
data: ./d
keys: ./k
policies: { path: ./p, activate: on_start }
providers:
  demo: { type: demo }
  openai:
    type: openai
    base_url: https://api.openai.com/v1?api-version=1
    api_key: secret://providers/openai#key
    models: [gpt-x]
    allow_private_addresses: true
    stream_usage: never
    timeout: 1m
    idle_timeout: 30s
    connect_timeout: 250ms
    prices_as: azure
models: [{ name: fast, targets: [openai/gpt-x, demo/assistant], retries: 2, timeout: 20s, total_timeout: 5m }]
groups: { finance: [ana@example.com] }
sign_offs: { finance: { approvers: ["group:finance"], quorum: 1, decide_within: 2h, use_within: 7d } }
tools:
  get_weather: { effect: read, digest: "sha256:${"0a".repeat(32)}", parameters: { type: object, x: [1, null, true] } }
  book_room: { effect: write, unattended: rooms cost nothing }
applications: [{ name: a, groups: [staff], environment: production, owner: ana, payloads: response }]
prices: { openai/gpt-x: { input: 0.15, output: 0.6, cached_input: 0.075 } }
audit: { payloads: none }
limits: { body: 1MiB, response: 2MiB, depth: 10, headers: 8KiB, concurrency: 1, queue: 0, connections: 50, time: 10m, drain: 0s, assumed_output: 500 }
log: { level: debug }
`,
  );
  assert.deepEqual(config.limits, {
    body: 1_048_576,
    response: 2_097_152,
    depth: 10,
    headers: 8192,
    concurrency: 1,
    queue: 0,
    connections: 50,
    time: 600_000,
    assumed_output: 500,
    drain: 0,
  });
  const { openai } = config.providers;
  assert.ok(openai?.type === "openai");
  assert.deepEqual([openai.timeout, openai.connect_timeout, openai.prices_as], [60_000, 250, "azure"]);
  assert.equal(openai.idle_timeout, 30_000);
  const [fast] = config.models;
  assert.deepEqual([fast?.retries, fast?.timeout, fast?.total_timeout], [2, 20_000, 300_000]);
  assert.equal(config.sign_offs["finance"]?.use_within, 604_800_000);
  assert.deepEqual(config.tools["get_weather"]?.parameters, { type: "object", x: [1, null, true] });
  assert.equal(config.applications[0]?.payloads, "response");
});

test("what is left out has the default that is described", async (t) => {
  const { config } = await loaded(
    t,
    `providers: { o: { type: openai, base_url: "http://localhost:1" } }
models: [{ name: fast, targets: [o/m] }]
sign_offs: { default: { approvers: [ana] } }
applications: [{ name: a }]`,
  );
  assert.deepEqual(config.providers["o"], {
    type: "openai",
    base_url: "http://localhost:1",
    allow_private_addresses: false,
    stream_usage: "ask",
    timeout: 600_000,
    connect_timeout: 10_000,
  });
  assert.deepEqual(config.models, [{ name: "fast", targets: ["o/m"], retries: 0 }]);
  assert.equal(config.limits.time, 3_600_000);
  assert.deepEqual(config.sign_offs["default"], {
    approvers: ["ana"],
    quorum: 1,
    decide_within: 3_600_000,
    use_within: 900_000,
  });
  assert.deepEqual(config.applications, [{ name: "a", groups: [], environment: "", owner: "" }]);
});

test("names, references and places are held to their form", async (t) => {
  const refused: readonly (readonly [text: string, problem: RegExp])[] = [
    ["groups: { Finance: [] }", /groups\.Finance: .*use 1 to 64/],
    [`groups: { ${"a".repeat(65)}: [] }`, /use 1 to 64/],
    ["groups: { a-: [] }", /use 1 to 64/],
    ["applications: [{ name: A b }]", /applications\.0\.name: use 1 to 64/],
    ["models: [{ name: a/b, targets: [d/x] }]", /an alias has no `\/`/],
    ["models: [{ name: a b, targets: [d/x] }]", /printable ASCII/],
    ["models: [{ name: a, targets: [x] }]", /targets\.0: write PROVIDER\/MODEL/],
    ["models: [{ name: a, targets: [/x] }]", /write PROVIDER\/MODEL/],
    ["models: [{ name: a, targets: [] }]", /at least 1 entry/],
    [`models: [{ name: a, targets: [${"d/x, ".repeat(17)}] }]`, /at most 16 entries/],
    ["tools: { a: { effect: read, digest: sha256:0 } }", /digest: write sha256: and 64/],
    ['tools: { "": { effect: read } }', /this must not be empty/],
    [`tools: { ? ${"t".repeat(129)} : { effect: read } }`, /longer than 128 characters/],
    ["tools: { a: { effect: write, unattended: '' } }", /unattended: this must not be empty/],
    ["prices: { d/x: { input: -1, output: 1 } }", /input: this must be at least 0/],
    ["server: { public_url: ftp://x }", /public_url: write an http or https URL/],
    ["server: { public_url: 'https://x/#y' }", /has a fragment/],
    ["server: { public_url: 'https://u@x' }", /holds credentials/],
    ["providers: { a: { type: openai, base_url: api.openai.com } }", /base_url: write an http or https URL/],
    ["providers: { a: { type: openai, base_url: 'http://[::1' } }", /base_url: write an http or https URL/],
    [
      "providers: { a: { type: openai, base_url: 'https://x', api_key: 'secret://UPPER' } }",
      /write a reference/,
    ],
  ];
  for (const [text, problem] of refused) assert.match((await problemsOf(t, text)).join("\n"), problem, text);
});

test("every key has a description that the reference page can print", () => {
  const undescribed: string[] = [];
  visit(configJsonSchema(), "", undescribed);
  assert.deepEqual(undescribed, []);
});

test("the JSON Schema takes what people write: durations and sizes with units, and defaults as text", () => {
  const schema = JSON.stringify(configJsonSchema());
  assert.match(schema, /"default":"10m"/);
  assert.match(schema, /"default":"20MiB"/);
  assert.ok(configSchema.safeParse({}).success);
});

function visit(schema: z.core.JSONSchema._JSONSchema, path: string, undescribed: string[]): void {
  if (typeof schema === "boolean") return;
  for (const [key, member] of Object.entries(schema.properties ?? {})) {
    const here = `${path}.${key}`;
    if (typeof member === "boolean" || member.description === undefined) undescribed.push(here);
    else assert.doesNotMatch(member.description, /[\n|]/, here);
    visit(member, here, undescribed);
  }
  for (const option of schema.oneOf ?? []) visit(option, path, undescribed);
  const { items, additionalProperties: values } = schema;
  if (items !== undefined && !Array.isArray(items)) visit(items, `${path}[]`, undescribed);
  if (values !== undefined) visit(values, `${path}.*`, undescribed);
}
