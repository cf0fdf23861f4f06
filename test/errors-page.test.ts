import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { errorsPage, renderErrorsPage } from "./errors-page.ts";

test("docs/errors.md says what the table of refusals says", () => {
  assert.equal(readFileSync(errorsPage, "utf8"), renderErrorsPage());
});
