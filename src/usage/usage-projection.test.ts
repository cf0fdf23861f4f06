import assert from "node:assert/strict";
import { test } from "node:test";
import { type EntryReader, UsageProjection } from "./usage-projection.ts";
import { MemoryUsageStore } from "./usage-store.test-support.ts";

type Leaf = Readonly<Record<string, unknown>>;

function completed(more: Leaf = {}): Leaf {
  return {
    v: 1,
    type: "call.completed",
    time: "2026-11-23T01:02:03.004Z",
    call: "call_1",
    application: "shop",
    user: null,
    target: "openai/gpt-4o-mini",
    outcome: "ok",
    dispatches: 1,
    total_ms: 4,
    usage: {
      input_tokens: 10,
      cached_input_tokens: 4,
      output_tokens: 5,
      reasoning_tokens: 0,
      source: "provider",
    },
    cost_micro_usd: 7,
    ...more,
  };
}

class Log implements EntryReader {
  leaves: Leaf[];
  heads = 0;
  reads = 0;
  /** As many as one read gives. */
  atOnce = 10_000;

  constructor(leaves: readonly Leaf[]) {
    this.leaves = [...leaves];
  }

  async head(): Promise<{ readonly size: number }> {
    this.heads += 1;
    return { size: this.leaves.length };
  }

  async read(from: number, to: number) {
    this.reads += 1;
    return this.leaves.slice(from, Math.min(to, from + this.atOnce)).map((leaf, at) => ({
      index: from + at,
      leaf: Buffer.from(JSON.stringify(leaf)),
    }));
  }
}

function calls(count: number): readonly Leaf[] {
  return Array.from({ length: count }, () => completed());
}

test("each completed call is counted with what it used, and calls of the same day and kind are one row", async () => {
  const decided = { v: 1, type: "call.decided", time: "2026-11-23T01:02:03.000Z" };
  const estimate = {
    input_tokens: 3,
    cached_input_tokens: 0,
    output_tokens: 0,
    reasoning_tokens: 0,
    source: "estimate",
  };
  const store = new MemoryUsageStore();
  const log = new Log([
    decided,
    completed(),
    completed(),
    completed({ user: "sub_1", usage: estimate, cost_micro_usd: null }),
    completed({
      time: "2026-11-24T00:00:00.000Z",
      target: null,
      outcome: "refused",
      usage: { ...estimate, input_tokens: 0, source: "none" },
      cost_micro_usd: null,
    }),
  ]);
  await new UsageProjection(log, store).catchUp();
  const zero = {
    refused: 0,
    inputTokens: 0,
    cachedInputTokens: 0,
    outputTokens: 0,
    estimated: 0,
    costMicroUsd: 0,
    unpriced: 0,
  };
  const named = { day: "2026-11-23", application: "shop", user: "", model: "openai/gpt-4o-mini" };
  assert.deepEqual(store.counted, [
    {
      ...zero,
      ...named,
      calls: 2,
      inputTokens: 20,
      cachedInputTokens: 8,
      outputTokens: 10,
      costMicroUsd: 14,
    },
    { ...zero, ...named, user: "sub_1", calls: 1, inputTokens: 3, estimated: 1, unpriced: 1 },
    { ...zero, ...named, day: "2026-11-24", model: "", calls: 1, refused: 1 },
  ]);
  assert.equal(await store.position(), 5);
});

test("run twice, at the same time or by two instances, every call is counted once", async () => {
  const store = new MemoryUsageStore();
  const log = new Log(calls(1700));
  const one = new UsageProjection(log, store);
  const other = new UsageProjection(log, store);
  await Promise.all([one.catchUp(), one.catchUp(), other.catchUp(), one.catchUp()]);
  await one.catchUp();
  assert.equal(store.calls, 1700);
});

test("who asks while a run is on gets a run that sees what was there when they asked", async () => {
  const store = new MemoryUsageStore();
  const log = new Log(calls(600));
  const projection = new UsageProjection(log, store);
  const asked: Promise<void>[] = [];
  store.beforeAdvance = () => {
    if (asked.length > 0) return;
    log.leaves.push(completed());
    asked.push(projection.catchUp());
  };
  await projection.catchUp();
  assert.equal(store.calls, 600);
  await Promise.all(asked);
  assert.equal(store.calls, 601);
});

test("after a failure the next run goes on where the last one committed", async () => {
  const store = new MemoryUsageStore();
  const projection = new UsageProjection(new Log(calls(1200)), store);
  let advances = 0;
  store.beforeAdvance = () => {
    advances += 1;
    if (advances === 2) throw new Error("killed");
  };
  await assert.rejects(projection.catchUp(), /killed/);
  assert.equal(store.calls, 500);
  await projection.catchUp();
  assert.equal(store.calls, 1200);
});

test("rebuilding gives the same sums, and a log shorter than the projection is counted anew", async () => {
  const store = new MemoryUsageStore();
  const log = new Log(calls(900));
  const projection = new UsageProjection(log, store);
  await projection.catchUp();
  await projection.rebuild();
  assert.equal(store.calls, 900);
  log.leaves = log.leaves.slice(0, 300);
  await projection.catchUp();
  assert.equal(store.calls, 300);
});

test("a reader that gives fewer entries than asked for is asked again", async () => {
  const store = new MemoryUsageStore();
  const log = new Log(calls(50));
  log.atOnce = 7;
  await new UsageProjection(log, store).catchUp();
  assert.equal(store.calls, 50);
  assert.equal(log.reads, 8);
});

test("an entry that cannot be read, or is not there, stops the count and says where", async () => {
  const broken: readonly Leaf[] = [
    completed({ v: 2 }),
    completed({ usage: { input_tokens: -1 } }),
    { type: 7 },
    completed({ time: "yesterday" }),
  ];
  for (const leaf of broken) {
    const store = new MemoryUsageStore();
    await assert.rejects(new UsageProjection(new Log([leaf]), store).catchUp(), /entry 0 cannot be counted/);
    assert.equal(await store.position(), 0);
  }
  const gone = new Log(calls(3));
  gone.atOnce = 0;
  await assert.rejects(new UsageProjection(gone, new MemoryUsageStore()).catchUp(), /entries from 0 on/);
});

test("a large log is counted in small steps, between which others get their turn", async () => {
  const projection = new UsageProjection(new Log(calls(5000)), new MemoryUsageStore());
  let turns = 0;
  const others = setInterval(() => {
    turns += 1;
  }, 0);
  await projection.catchUp();
  clearInterval(others);
  assert.ok(turns >= 3);
});

test("started, it counts by itself, tells of faults and goes on; stopped, it is still", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const store = new MemoryUsageStore();
  const log = new Log(calls(10));
  const projection = new UsageProjection(log, store);
  const faulty = Promise.withResolvers<unknown>();
  const counted = Promise.withResolvers<void>();
  let advances = 0;
  store.beforeAdvance = () => {
    advances += 1;
    if (advances === 1) throw new Error("disk full");
    setImmediate(() => counted.resolve());
  };
  projection.start(1000, (fault) => faulty.resolve(fault));
  t.mock.timers.tick(999);
  assert.equal(log.heads, 0, "not before its interval is over");
  t.mock.timers.tick(1);
  assert.match(String(await faulty.promise), /disk full/);
  t.mock.timers.tick(1000);
  await counted.promise;
  await projection.stop();
  assert.equal(store.calls, 10);
  log.leaves.push(completed());
  const { heads } = log;
  t.mock.timers.tick(10_000);
  // A run that a timer had begun would be waited for here.
  await projection.stop();
  assert.deepEqual([store.calls, log.heads], [10, heads]);
});

test("each call is counted for whom it is said to count, with its entry and no other", async () => {
  const store = new MemoryUsageStore();
  const log = new Log([completed({ call: "call_1" }), completed({ call: "call_2", user: "sub_1" })]);
  const subjectsOf = (application: string, user: string | null) => [
    { kind: "application" as const, name: application },
    ...(user === null ? [] : [{ kind: "user" as const, name: user }]),
  ];
  await new UsageProjection(log, store, subjectsOf).catchUp();
  assert.deepEqual(
    store.countedCalls.map(({ call, subjects }) => [call, subjects.map(({ name }) => name)]),
    [
      ["call_1", ["shop"]],
      ["call_2", ["shop", "sub_1"]],
    ],
  );
  const [first] = store.countedCalls;
  assert.deepEqual(first?.amount, { requests: 1, tokens: 15, microUsd: 7, unpriced: 0 });
});
