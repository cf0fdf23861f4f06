import assert from "node:assert/strict";
import { test } from "node:test";
import { flatText, heapKeptBy } from "../core/memory.test-support.ts";
import { newSpanId, newTraceId, parseTraceparent, traceparent } from "./trace-context.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";

test("a traceparent is read and written as the recommendation has it", () => {
  const sampled = { traceId, spanId, sampled: true };
  assert.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-01`), sampled);
  assert.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-00`), { ...sampled, sampled: false });
  assert.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-03`), sampled, "other flags are left alone");
  assert.deepEqual(parseTraceparent(`cc-${traceId}-${spanId}-01-what-comes`), sampled, "a version to come");
  assert.equal(traceparent(sampled), `00-${traceId}-${spanId}-01`);
});

test("what is no traceparent begins a new trace", () => {
  for (const wrong of [
    null,
    "",
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-1`,
    `00-${traceId}-${spanId}-01-more`,
    `ff-${traceId}-${spanId}-01`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    ` 00-${traceId}-${spanId}-01`,
    `00-${traceId}-${spanId}-01\n`,
  ]) {
    assert.equal(parseTraceparent(wrong), null, JSON.stringify(wrong));
  }
});

test("a trace keeps nothing of what stands behind it in its header", () => {
  const grown = heapKeptBy(1000, () =>
    parseTraceparent(flatText(`cc-${traceId}-${spanId}-01-${"x".repeat(15_000)}`)),
  );
  // The headers have 15 MB together.
  assert.ok(grown < 1_000_000, `grew by ${grown} bytes`);
});

test("new ids differ, whatever the pool of random bytes is at", () => {
  const ids = Array.from({ length: 2000 }, () => [newTraceId(), newSpanId()]).flat();
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/);
});
