import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { observabilityPage, withMetrics } from "./metrics-page.ts";

test("docs/observability.md has every metric as the code has it", () => {
  const page = readFileSync(observabilityPage, "utf8");
  assert.equal(page, withMetrics(page), "run `node test/metrics-page.ts`");
});
