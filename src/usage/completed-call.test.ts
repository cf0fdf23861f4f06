import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeLeaf } from "portcullis-verify/leaves/leaf.ts";
import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { countedCallOf, incrementOf, readCompletedCall } from "./completed-call.ts";
import type { UsageIncrement } from "./usage-store.ts";

const stamp = {
  id: "01930000-0000-7000-8000-000000000000",
  time: "2026-01-05T00:00:00.000Z",
  instance: "inst_1",
};

function leafOf(body: LeafBody): Buffer {
  const leaf = encodeLeaf(body, stamp);
  assert.ok(leaf.ok);
  return leaf.value;
}

function completedCallIncrement(index: number, leaf: Uint8Array): UsageIncrement | null {
  const call = readCompletedCall(index, leaf);
  return call === null ? null : incrementOf(call);
}

const completed = leafOf(leafSamples["call.completed"]);
const counted = completedCallIncrement(0, completed);

test("of all that the trail writes, completed calls are counted and nothing else", () => {
  for (const body of Object.values<LeafBody>(leafSamples)) {
    const increment = completedCallIncrement(0, leafOf(body));
    assert.equal(increment !== null, body.type === "call.completed", body.type);
  }
  assert.equal(counted?.calls, 1);
});

test("an entry of another type is passed over without being parsed", (t) => {
  const parse = t.mock.method(JSON, "parse");
  for (const body of Object.values<LeafBody>(leafSamples)) completedCallIncrement(0, leafOf(body));
  assert.equal(parse.mock.callCount(), 1);
});

test("what a text says or what a member of a member is called counts for nothing", () => {
  const said = '"type":"call.completed",';
  const decided = leafSamples["call.decided"];
  const facts = { ...decided.facts, type: "call.completed", note: said };
  for (const body of [
    { ...decided, requested_model: said },
    { ...decided, facts },
    { ...leafSamples["action.decided"], tool: said, facts },
  ]) {
    assert.equal(completedCallIncrement(0, leafOf(body)), null);
  }
  const quoting = leafOf({
    ...leafSamples["call.completed"],
    served_model: '"type":"call.decided","x":"',
    finish_reasons: ['"type":"key.created"'],
  });
  assert.deepEqual(completedCallIncrement(0, quoting), counted);
});

test("a completed call is read in whatever way it is written", () => {
  const value: Record<string, unknown> = JSON.parse(completed.toString("utf8"));
  const { usage, ...rest } = value;
  for (const text of [
    JSON.stringify(value, null, 2),
    JSON.stringify({ type: value["type"], ...value }),
    JSON.stringify({ ...value, user: null, zz: { type: "call.decided" } }),
    JSON.stringify({ ...rest, usage: { ...Object(usage), type: "per_token" } }),
    completed.toString("utf8").replace('"type":"call.completed"', '"type": "call.completed"'),
  ]) {
    assert.equal(completedCallIncrement(0, Buffer.from(text))?.calls, 1, text);
  }
});

test("an entry that is cut or damaged is never passed over in place of a completed call", () => {
  const throws = (leaf: Buffer, why: string) =>
    assert.throws(() => completedCallIncrement(7, leaf), /entry 7 cannot be counted/, why);
  for (let size = 0; size < completed.length; size += 1)
    throws(completed.subarray(0, size), `cut at ${size}`);
  const type = completed.indexOf('"type"');
  for (let at = type; at < type + '"type":"call.completed"'.length; at += 1) {
    const zeroed = Buffer.from(completed);
    zeroed[at] = 0;
    throws(zeroed, `zeroed at ${at}`);
  }
});

test("a call is counted when it arrived, with what it used, or as unknown", () => {
  const subjects = [{ kind: "application", name: "shop" } as const];
  const countedOf = (changes: Partial<LeafBody<"call.completed">>) => {
    const call = readCompletedCall(0, leafOf({ ...leafSamples["call.completed"], ...changes }));
    assert.ok(call);
    return countedCallOf(call, subjects);
  };
  const usage = {
    input_tokens: 10,
    cached_input_tokens: 0,
    output_tokens: 5,
    reasoning_tokens: 0,
    source: "provider",
  } as const;
  const ended = { total_ms: 1500, outcome: "ok", dispatches: 2, usage, cost_micro_usd: 7 } as const;
  const counted = countedOf(ended);
  assert.equal(counted.at, Date.parse("2026-01-04T23:59:58.500Z"));
  assert.deepEqual(counted.amount, { requests: 1, tokens: 15, microUsd: 7, unpriced: 0 });
  assert.deepEqual([counted.unknown, counted.subjects], [false, subjects]);
  assert.deepEqual(countedOf({ ...ended, cost_micro_usd: null }).amount, {
    requests: 1,
    tokens: 15,
    microUsd: 0,
    unpriced: 1,
  });
  const none = { ...usage, input_tokens: 0, output_tokens: 0, source: "none" } as const;
  const nothing = { ...ended, usage: none, cost_micro_usd: null };
  assert.deepEqual(countedOf({ ...nothing, outcome: "refused", dispatches: 0 }).amount, {
    requests: 0,
    tokens: 0,
    microUsd: 0,
    unpriced: 0,
  });
  const unknown = countedOf({ ...nothing, outcome: "unknown", dispatches: 1 });
  assert.deepEqual(unknown.amount, { requests: 1, tokens: 0, microUsd: 0, unpriced: 1 });
  assert.equal(unknown.unknown, true);
});
