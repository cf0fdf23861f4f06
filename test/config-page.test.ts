import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "../src/config/load.ts";
import { configSchema } from "../src/config/schema.ts";
import { configPage, exampleConfig, renderConfigPage } from "./config-page.ts";
import { testFolder } from "./e2e/test-gateway.ts";

test("docs/config.md says what the config's schema says", () => {
  assert.equal(readFileSync(configPage, "utf8"), renderConfigPage());
});

test("the page has a row for every key at the top, and a table for every one that is a table", () => {
  const page = renderConfigPage();
  for (const key of Object.keys(configSchema.shape))
    assert.match(page, new RegExp(`^\\| \`${key}\` \\|`, "m"));
  for (const place of [
    "server",
    "providers.NAME, type: openai",
    "models[]",
    "sign_offs.NAME",
    "prices.PROVIDER/MODEL",
  ]) {
    assert.ok(page.includes(`# ${place}\n`), place);
  }
  assert.doesNotMatch(page, /undefined|\[object|\| {2}\|$/m);
});

test("the example on the page is a config that loads", async (t) => {
  const folder = testFolder({ "portcullis.yaml": exampleConfig });
  t.after(() => rmSync(folder, { recursive: true }));
  const loaded = await loadConfig(join(folder, "portcullis.yaml"));
  assert.ok(loaded.ok, JSON.stringify(loaded));
});
