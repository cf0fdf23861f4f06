import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { effectiveConfig, effectiveYaml } from "./effective.ts";
import { configJsonSchema } from "./json-schema.ts";
import { parseConfig } from "./parse-config.ts";

const written = {
  server: { listen: "127.0.0.1:9000" },
  providers: {
    demo: { type: "demo" },
    up: { type: "openai", base_url: "https://up.example/v1", timeout: "2m" },
  },
  models: [{ name: "fast", targets: ["up/x"] }],
  tools: { "send.email": { effect: "write", parameters: { type: "object", default: 1 } } },
  applications: [{ name: "assistant", groups: ["a"] }, { name: "other" }],
  sign_offs: { finance: { approvers: ["ana@example.com"] } },
};

const effective = effectiveConfig(configJsonSchema(), written);

test("written out in full, a config means what it meant, and nothing is left to default", () => {
  const [before, after] = [parseConfig(written), parseConfig(effective.config)];
  assert.ok(before.ok && after.ok, JSON.stringify([before, after]));
  assert.deepEqual(after.value, before.value);
  assert.deepEqual(effectiveConfig(configJsonSchema(), effective.config), {
    config: effective.config,
    defaults: [],
  });
  assert.deepEqual(parse(effectiveYaml(effective)), effective.config);
});

test("it says of each value whether the file has it, in the file's own units", () => {
  const paths = effective.defaults.map((path) => path.join("."));
  for (const path of ["limits", "limits.body", "providers.up.connect_timeout", "applications.1.groups"])
    assert.ok(paths.includes(path), path);
  for (const path of ["server", "server.listen", "providers.up.timeout", "applications.0.groups"])
    assert.ok(!paths.includes(path), path);
  const yaml = effectiveYaml(effective);
  assert.match(yaml, /^ {2}listen: 127\.0\.0\.1:9000$/m);
  assert.match(yaml, /^ {2}body: 20MiB # default$/m);
  assert.match(yaml, /^ {4}timeout: 2m$/m);
});

test("an empty config is all defaults", () => {
  const { config } = effectiveConfig(configJsonSchema(), {});
  const [before, after] = [parseConfig({}), parseConfig(config)];
  assert.ok(before.ok && after.ok);
  assert.deepEqual(after.value, before.value);
});

test("a password in a URL is not shown", () => {
  const schema = { type: "object", properties: { database: { type: "string" } } } as const;
  const { config } = effectiveConfig(schema, { database: "postgres://gate:s3cret@db:5432/x" });
  assert.deepEqual(config, { database: "postgres://gate:***@db:5432/x" });
});
