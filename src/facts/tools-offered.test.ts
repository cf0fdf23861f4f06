import assert from "node:assert/strict";
import { test } from "node:test";
import { described, fn, why } from "./request.test-support.ts";
import { toolDigest } from "./tool-digest.ts";

test("a tool's digest is that of its definition, read from the request's bytes again", () => {
  const definition = { name: "f", description: "é", parameters: { type: "object", minimum: 0.5 } };
  const custom = { name: "c", format: { type: "text" } };
  const { offeredTools } = described({
    note: 1,
    tools: [fn("other"), { type: "function", function: definition }, { type: "custom", custom }],
    functions: [{ ...definition, name: "legacy" }],
  });
  assert.equal(offeredTools.get("f")?.digest(), toolDigest(definition, "function"));
  assert.equal(offeredTools.get("c")?.digest(), toolDigest(custom, "custom"));
  assert.equal(offeredTools.get("legacy")?.digest(), toolDigest({ ...definition, name: "legacy" }, "legacy"));
  assert.deepEqual(
    ["f", "c", "legacy"].map((name) => offeredTools.get(name)?.parameters?.()),
    [definition.parameters, undefined, definition.parameters],
  );
});

test("a function without a type is a function as long as nothing else stands beside it", () => {
  const definition = { name: "f", parameters: {} };
  for (const entry of [
    { function: definition },
    { type: null, function: definition },
    { function: definition, strict: true },
  ]) {
    const offered = described({ tools: [entry] }).offeredTools.get("f");
    assert.deepEqual([offered?.kind, offered?.digest()], ["function", toolDigest(definition, "function")]);
  }
  for (const entry of [
    { function: definition, custom: { name: "g" } },
    { function: definition, googleSearch: {} },
    { function: "f" },
    { name: "f" },
  ]) {
    assert.equal(why({ tools: [entry] }), "invalid tools.0.type", JSON.stringify(entry));
  }
});
