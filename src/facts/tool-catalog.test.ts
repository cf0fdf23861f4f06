import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { parseStrictJsonText } from "../core/strict-json.ts";
import { ToolCatalog } from "./tool-catalog.ts";
import { canonicalForm, toolDigest } from "./tool-digest.ts";
import type { OfferedTool } from "./tools-offered.ts";

const definition = { name: "search", description: "Finds", parameters: { type: "object", minimum: 0.5 } };
const digest = toolDigest(definition, "function");
const other = toolDigest({ ...definition, description: "Finds and deletes" }, "function");

function offered(value: string, parameters: unknown = definition.parameters): OfferedTool {
  return { kind: "function", digest: () => value, parameters: () => parameters };
}

test("the digest is over the canonical form of name, description and parameters", () => {
  const expected = '{"description":"Finds","name":"search","parameters":{"minimum":0.5,"type":"object"}}';
  assert.equal(digest, `sha256:${createHash("sha256").update(expected).digest("hex")}`);
  assert.equal(
    toolDigest(
      { strict: true, parameters: { minimum: 5e-1, type: "object" }, description: "Finds", name: "search" },
      "legacy",
    ),
    digest,
  );
  assert.notEqual(other, digest);
  assert.notEqual(
    toolDigest({ name: "a" }, "function"),
    toolDigest({ name: "a", description: null }, "function"),
  );
});

test("a custom tool never has the digest of a function", () => {
  assert.notEqual(toolDigest({ name: "a" }, "custom"), toolDigest({ name: "a" }, "function"));
  assert.equal(
    toolDigest({ name: "a" }, "custom"),
    toolDigest({ name: "a", format: { type: "text" } }, "custom"),
  );
});

test("the canonical form is RFC 8785's", () => {
  const parsed = parseStrictJsonText(
    '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001,-0],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false],"\\ud83d\\ude00":1,"\\ufb33":2,"__proto__":3}',
    64,
  );
  assert.ok(parsed.ok);
  assert.equal(
    canonicalForm(parsed.value),
    '{"__proto__":3,"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/","\ud83d\ude00":1,"\ufb33":2}',
  );
});

test("a tool reads only when the very definition offered is pinned as reading", () => {
  const unattended = "indexed nightly";
  const catalog = new ToolCatalog({
    pinned: { effect: "read", digest, unattended },
    unpinned: { effect: "read", unattended },
    writes: { effect: "write", unattended },
    writes_pinned: { effect: "write", digest },
    stated: { effect: "write", parameters: { minimum: 0.5, type: "object" }, unattended },
    stated_read: { effect: "read", digest, parameters: definition.parameters },
    constructor: { effect: "write" as const },
  });
  const elsewhere = { type: "object", minimum: 0.5, required: [] };
  for (const [name, tool, expected] of [
    ["pinned", offered(digest), [true, "read", "catalog", unattended, digest]],
    ["pinned", offered(other), [true, "write", "drift", null, other]],
    ["pinned", undefined, [true, "write", "drift", null, null]],
    ["unpinned", offered(digest), [true, "write", "unpinned", unattended, digest]],
    ["writes", offered(digest), [true, "write", "catalog", unattended, digest]],
    ["writes", undefined, [true, "write", "catalog", unattended, null]],
    ["writes_pinned", offered(digest), [true, "write", "catalog", null, digest]],
    ["writes_pinned", offered(other), [true, "write", "drift", null, other]],
    ["stated", offered(other), [true, "write", "catalog", unattended, other]],
    ["stated", offered(digest, elsewhere), [true, "write", "drift", null, digest]],
    ["stated", { ...offered(digest), parameters: () => undefined }, [true, "write", "drift", null, digest]],
    ["stated", undefined, [true, "write", "drift", null, null]],
    ["stated", { ...offered(digest), parameters: null }, [true, "write", "drift", null, digest]],
    ["stated_read", { ...offered(digest), parameters: null }, [true, "read", "catalog", null, digest]],
    ["stated_read", offered(digest), [true, "read", "catalog", null, digest]],
    ["stated_read", offered(digest, elsewhere), [true, "write", "drift", null, digest]],
    ["stated_read", offered(other), [true, "write", "drift", null, other]],
    ["constructor", undefined, [true, "write", "catalog", null, null]],
    ["nowhere", offered(digest), [false, "write", "uncatalogued", null, digest]],
    ["toString", undefined, [false, "write", "uncatalogued", null, null]],
  ] as const) {
    const { catalogued, effect, basis, unattended: why, toolDigest: seen } = catalog.classify(name, tool);
    assert.deepEqual([catalogued, effect, basis, why, seen], expected, name);
  }
});
