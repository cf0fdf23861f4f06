import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { canonicalJson } from "portcullis-verify/leaves/canonical-json.ts";
import { encodeLeaf, maxLeafBytes } from "portcullis-verify/leaves/leaf.ts";
import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import type { Leaf, LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import { uuidv7 } from "../core/id.ts";
import { record, trailBench } from "./trail.test-support.ts";

const time = "2026-11-23T00:00:00.000Z";
const made = Date.parse(time);
const stamp = { id: uuidv7(made), time, instance: "inst_1" };

function leafOf<Type extends LeafBody["type"]>(type: Type): Leaf {
  return { ...leafSamples[type], ...stamp, v: 1 };
}

/** Why these bytes are no leaf, or null when they are one. */
function refusal(leaf: object | string): string | null {
  const text = typeof leaf === "string" ? leaf : canonicalJson(JSON.parse(JSON.stringify(leaf)));
  const parsed = parseLeaf(Buffer.from(text));
  return parsed.ok ? null : parsed.failure;
}

describe("reading a leaf", () => {
  it("gives back every kind that the encoder writes", () => {
    for (const body of Object.values(leafSamples)) {
      const bytes = encodeLeaf(body, stamp);
      assert.ok(bytes.ok);
      assert.deepEqual(parseLeaf(bytes.value), { ok: true, value: { ...body, ...stamp, v: 1 } });
    }
  });

  it("refuses what the encoder would not have written in this spelling", () => {
    const text = canonicalJson(leafOf("call.decided"));
    const spellings: readonly (readonly [string, RegExp])[] = [
      [`\ufeff${text}`, /not JSON in UTF-8/],
      [`${text}\n`, /canonical form/],
      [text.replace('"v":1}', '"v":1,"v":1}'), /canonical form/],
      [text.replace('"dispatch":1', '"dispatch":1.0'), /canonical form/],
      [text.replace('"call_1"', '"call_\\ud800"'), /canonical form/],
      [text.replace('"dispatch":1', '"dispatch":1.5'), /schema at `dispatch`/],
      [text.replace('{"actor"', '{"__proto__":{},"actor"'), /schema|canonical/],
      [text.replace("000Z", "000+00:00"), /schema at `time`/],
    ];
    for (const [changed, expected] of spellings) {
      assert.notEqual(changed, text);
      assert.match(refusal(changed) ?? "", expected, changed);
    }
  });

  it("refuses more bytes than an entry has room for, before it looks at them", () => {
    const leaf = leafOf("call.decided");
    const room = maxLeafBytes - Buffer.byteLength(canonicalJson({ ...leaf, facts: { x: "" } }));
    assert.equal(refusal({ ...leaf, facts: { x: "a".repeat(room) } }), null);
    assert.match(refusal({ ...leaf, facts: { x: "a".repeat(room + 1) } }) ?? "", /65536 bytes/);
    assert.match(refusal("x".repeat(maxLeafBytes + 1)) ?? "", /65536 bytes/);
  });

  it("refuses an id in capitals, by which no store would find the entry", () => {
    const capitals = { ...leafOf("key.revoked"), id: stamp.id.toUpperCase() };
    assert.match(refusal(capitals) ?? "", /lower case/);
  });

  it("refuses an id of a time before its leaf's, or far from it", () => {
    const year = 366 * 86_400_000;
    for (const [offset, expected] of [
      [-1, "its id was not made at its time"],
      [0, null],
      [1, null],
      [year, null],
      [year + 1, "its id was not made at its time"],
    ] as const) {
      const at = (made + offset).toString(16).padStart(12, "0");
      const id = `${at.slice(0, 8)}-${at.slice(8)}${stamp.id.slice(13)}`;
      assert.equal(refusal({ ...leafOf("key.revoked"), id }), expected, String(offset));
    }
  });

  it("reads what the trail writes when the clock is set back, and when thousands of ids are made in a millisecond", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    bench.clock.time += 3_600_000;
    for (let at = 0; at < 5_000; at += 1) uuidv7(bench.clock.time);
    bench.clock.time -= 3_600_000;
    await record(trail, leafSamples["key.revoked"], leafSamples["call.decided"]);
    await trail.close();
    for (const { leaf } of bench.state.entries) assert.ok(parseLeaf(leaf).ok, Buffer.from(leaf).toString());
  });

  it("refuses a call without an id", () => {
    for (const type of ["call.decided", "action.decided", "call.completed"] as const) {
      assert.match(refusal({ ...leafOf(type), call: "" }) ?? "", /call has no id/);
    }
  });

  it("refuses usage of which a part is larger than the whole", () => {
    const { usage } = leafSamples["call.completed"];
    const used = (changes: Partial<typeof usage>) =>
      refusal({ ...leafOf("call.completed"), usage: { ...usage, ...changes } });
    assert.equal(used({ cached_input_tokens: 12, reasoning_tokens: 34 }), null);
    assert.match(used({ cached_input_tokens: 13 }) ?? "", /from the cache/);
    assert.match(used({ reasoning_tokens: 35 }) ?? "", /is reasoning/);
  });
});
