import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeLeaf } from "portcullis-verify/leaves/leaf.ts";
import {
  heldSamples,
  leafSamples,
  pickUpSample,
  shadowSamples,
} from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import { type LeafBody, leafSchema } from "portcullis-verify/leaves/leaf-schema.ts";
import { decided, trailBench } from "./trail.test-support.ts";
import { LeafTooLargeError } from "./trail-entry.ts";

const stamp = {
  id: "01939f6e-3c2b-7d10-8a53-0d4c5f6a7b8c",
  time: "2026-11-23T00:00:00.000Z",
  instance: "inst_1",
};

/** Choices and times: what they can be is in the types, or computed where they are made. So are digests. */
const fixed = new Set([
  "type",
  "kind",
  "decision",
  "endpoint",
  "effect",
  "effect_basis",
  "source",
  "outcome",
  "previous",
  "expires",
  "method",
  "state",
  "oldest",
  "newest",
]);

const digest = /^[0-9a-f]{64}$/;

/** The body once for every text in it, with that text made long. */
function* lengthened(body: LeafBody): Generator<readonly [string, LeafBody]> {
  for (const path of textPaths(body, [])) {
    const copy = structuredClone(body);
    const parent: unknown = path
      .slice(0, -1)
      .reduce<unknown>((at, key) => Reflect.get(Object(at), key), copy);
    Reflect.set(Object(parent), path.at(-1) ?? "", "x".repeat(1_000));
    yield [path.join("."), copy];
  }
}

function* textPaths(value: unknown, path: readonly string[]): Generator<readonly string[]> {
  if (typeof value === "string" && !digest.test(value) && !fixed.has(path.at(-1) ?? "")) yield path;
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) yield* textPaths(member, [...path, key]);
}

const samples: readonly LeafBody[] = [leafSamples, shadowSamples, heldSamples, [pickUpSample]].flatMap(
  (one) => Object.values<LeafBody>(one),
);

describe("what is too long for an entry", () => {
  for (const sample of samples) {
    it(`is cut or refused in a ${sample.type}, and never recorded for no reader to take`, () => {
      let refused = 0;
      for (const [path, body] of lengthened(sample)) {
        const leaf = encodeLeaf(body, stamp);
        if (leaf.ok) assert.ok(leafSchema.safeParse(JSON.parse(leaf.value.toString())).success, path);
        else refused += 1;
        if (!leaf.ok) assert.equal(leaf.failure.reason, "field_too_long", path);
      }
      assert.ok(refused > 0);
    });
  }

  it("refuses the longest target that fits by one character more", () => {
    const target = `demo/${"x".repeat(315)}`;
    assert.ok(encodeLeaf(decided("call_1", { target }), stamp).ok);
    assert.deepEqual(encodeLeaf(decided("call_1", { target: `${target}x` }), stamp), {
      ok: false,
      failure: { reason: "field_too_long", field: "target", limit: 320 },
    });
  });

  it("refuses too many of what is named, and cuts reasons", () => {
    const sample = leafSamples["call.decided"];
    const ids = Array.from({ length: 101 }, (_, at) => `policy ${at}`);
    assert.equal(encodeLeaf({ ...sample, policies: { ids, more: 0 } }, stamp).ok, false);
    const leaf = encodeLeaf({ ...sample, reasons: ids }, stamp);
    assert.ok(leaf.ok);
    assert.ok(leafSchema.safeParse(JSON.parse(leaf.value.toString())).success);
  });

  it("cuts what only describes in what is asked of approvers, as in the decision that it repeats", () => {
    const long = "x".repeat(600);
    const reasons = Array.from({ length: 20 }, () => long);
    for (const body of [
      { ...leafSamples["approval.requested"], reasons, tool: long },
      { ...leafSamples["approval.edited"], reasons },
    ]) {
      const leaf = encodeLeaf(body, stamp);
      assert.ok(leaf.ok);
      const parsed = leafSchema.parse(JSON.parse(leaf.value.toString()));
      assert.ok("reasons" in parsed);
      assert.deepEqual([parsed.reasons.length, parsed.reasons[0]], [16, "x".repeat(500)]);
      if (parsed.type === "approval.requested") assert.equal(parsed.tool, "x".repeat(256));
    }
  });

  it("refuses the call: the trail throws, and nothing is stamped on record", async (t) => {
    const trail = await trailBench(t).open();
    assert.throws(
      () => trail.encode(decided("call_1", { target: "x".repeat(330) }), null),
      (error) => {
        assert.ok(error instanceof LeafTooLargeError);
        assert.equal(error.message, "`target` of the entry is longer than the 320 that fit");
        return true;
      },
    );
  });
});

describe("counts", () => {
  it("are never negative, and no part is larger than its whole", () => {
    const sample = leafSamples["call.completed"];
    assert.throws(() => encodeLeaf({ ...sample, total_ms: -1 }, stamp), TypeError);
    assert.throws(() => encodeLeaf({ ...leafSamples["call.decided"], dispatch: 0 }, stamp), TypeError);
    const usage = {
      ...sample.usage,
      input_tokens: 5,
      cached_input_tokens: 9,
      output_tokens: 1,
      reasoning_tokens: 2,
    };
    const leaf = encodeLeaf({ ...sample, usage }, stamp);
    assert.ok(leaf.ok);
    assert.deepEqual(JSON.parse(leaf.value.toString()).usage, {
      ...usage,
      cached_input_tokens: 5,
      reasoning_tokens: 1,
    });
  });
});
