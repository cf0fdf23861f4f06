import assert from "node:assert/strict";
import { test } from "node:test";
import { type Span, spanKind } from "./span.ts";
import { type Delivery, SpanExporter } from "./span-exporter.ts";

function spans(count: number): readonly Span[] {
  return Array.from({ length: count }, (_, at) => ({
    traceId: "0".repeat(31).concat("1"),
    spanId: at.toString(16).padStart(16, "0"),
    parentSpanId: null,
    name: "call",
    kind: spanKind.server,
    start: at,
    end: at + 1,
    attributes: {},
    error: null,
  }));
}

/** Answers in order, the last one for ever; and what was sent. */
function scripted(answers: readonly Delivery[]) {
  const batches: number[] = [];
  const deliver = async (batch: readonly Span[]): Promise<Delivery> => {
    batches.push(batch.length);
    return answers[Math.min(batches.length, answers.length) - 1] ?? { kind: "taken" };
  };
  return { batches, deliver };
}

const again: Delivery = { kind: "again", afterMs: 1, why: "the collector answered 503" };

test("what fits goes out in batches, and what does not is dropped and counted", async () => {
  const { batches, deliver } = scripted([]);
  const exporter = new SpanExporter({ deliver, onTrouble: () => {}, queueSize: 25, batchSize: 10 });
  exporter.add(spans(100));
  await exporter.close();
  assert.deepEqual(batches, [10, 10, 5]);
  assert.equal(exporter.exported, 25);
  assert.equal(exporter.dropped, 75);
});

test("a collector that is away for a moment gets the batch again; trouble is told once, and its end", async () => {
  const { batches, deliver } = scripted([again, again, { kind: "taken" }]);
  const told: (string | null)[] = [];
  const exporter = new SpanExporter({ deliver, onTrouble: (why) => told.push(why) });
  exporter.add(spans(3));
  await exporter.close();
  assert.deepEqual(batches, [3, 3, 3]);
  assert.deepEqual(told, ["the collector answered 503", null]);
  assert.equal(exporter.dropped, 0);
});

test("what a collector refuses, or does not take after a few tries, is dropped", async () => {
  const refusing = scripted([{ kind: "refused", why: "the collector answered 400" }]);
  const one = new SpanExporter({ deliver: refusing.deliver, onTrouble: () => {} });
  one.add(spans(3));
  await one.close();
  assert.deepEqual(refusing.batches, [3]);
  const away = scripted([again]);
  const other = new SpanExporter({ deliver: away.deliver, onTrouble: () => {} });
  other.add(spans(3));
  await other.close();
  assert.deepEqual(away.batches, [3, 3, 3, 3]);
  assert.equal(one.dropped + other.dropped, 6);
});

test("while a batch hangs, no more than the queue is kept", async () => {
  const hanging = Promise.withResolvers<Delivery>();
  const exporter = new SpanExporter({
    deliver: () => hanging.promise,
    onTrouble: () => {},
    queueSize: 50,
    batchSize: 10,
  });
  for (let at = 0; at < 1000; at += 1) exporter.add(spans(10));
  assert.equal(exporter.dropped, 10_000 - 60);
  hanging.resolve({ kind: "taken" });
  await exporter.close();
  assert.equal(exporter.exported, 60);
});
