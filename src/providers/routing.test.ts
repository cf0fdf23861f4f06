import assert from "node:assert/strict";
import { test } from "node:test";
import { Router, usualPatience } from "./routing.ts";

const router = new Router({
  providers: new Map([
    ["demo", ["assistant", "embedder"]],
    ["open", null],
  ]),
  aliases: [
    { name: "default", targets: ["open/vendor/large", "demo/assistant"] },
    { name: "urgent", targets: ["demo/assistant"], patience: { retries: 1, firstByteMs: 5, totalMs: 9 } },
    { name: "lost", targets: ["gone/model", "demo/unknown"] },
  ],
});

test("an alias leads to its targets in order", () => {
  assert.deepEqual(router.resolve("default"), [
    { provider: "open", model: "vendor/large" },
    { provider: "demo", model: "assistant" },
  ]);
});

test("PROVIDER/MODEL leads to itself, and only the first slash counts", () => {
  assert.deepEqual(router.resolve("open/any/model"), [{ provider: "open", model: "any/model" }]);
  assert.deepEqual(router.resolve("demo/embedder"), [{ provider: "demo", model: "embedder" }]);
});

test("what is not configured leads nowhere", () => {
  for (const name of [
    "",
    "/",
    "demo",
    "demo/",
    "/assistant",
    "demo/gpt-4o",
    "gone/model",
    "lost",
    "constructor",
    "__proto__/x",
  ]) {
    assert.deepEqual(router.resolve(name), [], name);
  }
});

test("listed are aliases that lead somewhere, narrowed models, and what aliases lead to, each once", () => {
  assert.deepEqual(
    router.list().map((model) => model.id),
    ["default", "urgent", "demo/assistant", "demo/embedder", "open/vendor/large"],
  );
});

test("an alias can have its own patience, and whatever else is asked for has the usual one", () => {
  assert.deepEqual(router.patience("urgent"), { retries: 1, firstByteMs: 5, totalMs: 9 });
  for (const name of ["default", "open/any", "constructor", ""]) {
    assert.equal(router.patience(name), usualPatience, name);
  }
});
