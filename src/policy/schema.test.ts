import assert from "node:assert/strict";
import { test } from "node:test";
import { checkParseSchema, schemaToJson } from "@cedar-policy/cedar-wasm/nodejs";
import fc from "fast-check";
import { cedarString } from "./cedar-text.ts";
import type { DecisionRequest } from "./decision.ts";
import { actionFacts, deciderFor, loaded, permitTools, testWorld } from "./policy.test-support.ts";
import { cedarSchema } from "./schema.ts";

const odd = [
  'a"b',
  "back\\slash",
  "new\nline",
  "\u0000",
  "\u2028",
  "😀",
  '"]; permit',
  "\\u{41}",
  "*",
  "//",
  " ",
];

test("a tool keeps its name in the schema, whatever is in it", () => {
  const schema = schemaToJson(cedarSchema({ ...testWorld, tools: odd }));
  assert.ok(schema.type === "success");
  const actions = Object.keys(schema.json["Portcullis"]?.actions ?? {});
  assert.deepEqual(actions.filter((action) => odd.includes(action)).sort(), [...odd].sort());
  assert.equal(actions.length, odd.length + 6);
});

test("a policy can name an odd tool, and is asked about it", () => {
  const world = { ...testWorld, tools: odd };
  for (const tool of odd.filter((name) => /^[\x20-\x7e]+$/.test(name))) {
    loaded(
      `@id("x") forbid (principal, action == Portcullis::Action::${cedarString(tool)}, resource);`,
      world,
    );
  }
});

test("any text at all becomes one string of the schema", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (name) => {
      fc.pre(name.isWellFormed());
      const schema = cedarSchema({ ...testWorld, tools: [name] });
      assert.equal(checkParseSchema(schema).type, "success");
    }),
    { numRuns: 50 },
  );
});

const unknownTool: DecisionRequest = {
  action: "call_tool",
  principal: { id: "assistant" },
  tool: "rm",
  catalogued: true,
  context: actionFacts,
};

test("a tool that policies have not been loaded with is denied, and never decided as another", () => {
  const decision = deciderFor(permitTools).decide(unknownTool);
  assert.equal(decision.outcome, "deny");
  assert.match(decision.error ?? "", /not in the catalog/);
});
