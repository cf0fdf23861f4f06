import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "../src/config/load.ts";
import { refusalClasses } from "../src/http/refusal-classes.ts";
import { testFolder } from "./e2e/test-gateway.ts";

const page = readFileSync(new URL("../docs/providers.md", import.meta.url), "utf8");

test("the example on the page of providers is a config that loads", async (t) => {
  const [, example = ""] = /^```yaml\n(.*?)^```$/ms.exec(page) ?? [];
  const folder = testFolder({ "portcullis.yaml": example });
  t.after(() => rmSync(folder, { recursive: true }));
  const loaded = await loadConfig(join(folder, "portcullis.yaml"));
  assert.ok(loaded.ok, JSON.stringify(loaded));
  assert.deepEqual(
    [loaded.value.config.models[0]?.retries, loaded.value.config.models[0]?.timeout],
    [2, 60_000],
  );
});

test("each refusal that the page names has the status that it gives", () => {
  const named = [...page.matchAll(/(?:`|\| )(5\d\d) `?([a-z_]+)`/g)];
  assert.ok(named.length > 10);
  const classes = new Map(Object.entries(refusalClasses).map(([code, { status }]) => [code, status]));
  for (const [, status, code = ""] of named) assert.equal(classes.get(code), Number(status), code);
});
