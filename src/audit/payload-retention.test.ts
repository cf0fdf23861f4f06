import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeLeaf } from "portcullis-verify/leaves/leaf.ts";
import { MemoryPayloadStore } from "./log-store.test-support.ts";
import { type ExpiredPayload, PayloadRetention, type RetentionRules } from "./payload-retention.ts";
import { decided } from "./trail.test-support.ts";

const dayMs = 86_400_000;
const now = Date.parse("2026-11-23T00:00:00.000Z");

interface Kept {
  readonly id: string;
  readonly application: string;
}

/** Entries with payload, of these applications and ages in days. */
function bench(ages: readonly (readonly [application: string, days: number])[]) {
  const store = new MemoryPayloadStore();
  const entries = new Map<string, Kept>();
  const ids = ages.map(([application, days], at) => {
    const time = (now - days * dayMs).toString(16).padStart(12, "0");
    const id = `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${String(at).padStart(12, "0")}`;
    entries.set(id, { id, application });
    const fields = ["request", "source_address"];
    for (const field of fields)
      store.payloads.push({ entryId: id, subject: "sub_1", field, ciphertext: Buffer.alloc(10) });
    return id;
  });
  const recorded: ExpiredPayload[] = [];
  const state: { rules: RetentionRules; time: number; refuses: boolean; looked: number } = {
    rules: { standardMs: null, applicationsMs: new Map() },
    time: now,
    refuses: false,
    looked: 0,
  };
  const retention = new PayloadRetention({
    log: {
      byId: async (id) => {
        state.looked += 1;
        const entry = entries.get(id);
        if (entry === undefined) return null;
        const body = decided("call_1", { application: entry.application });
        const time = new Date(Number.parseInt(id.replace("-", "").slice(0, 12), 16)).toISOString();
        const leaf = encodeLeaf(body, { id, time, instance: "inst_1" });
        return leaf.ok ? { index: 0, leaf: leaf.value } : null;
      },
    },
    store,
    now: () => state.time,
    rules: () => state.rules,
    record: async (expired) => {
      if (state.refuses) throw new Error("the trail takes no entries");
      assert.ok(store.payloads.length > 0, "recorded before it is removed");
      recorded.push(expired);
    },
    onFault: (fault) => assert.fail(String(fault)),
  });
  const left = (): readonly string[] =>
    ids.filter((id) => store.payloads.some(({ entryId }) => entryId === id));
  return { store, entries, ids, recorded, state, retention, left };
}

function rules(standard: number | null, own: Readonly<Record<string, number | null>> = {}): RetentionRules {
  const inMs = (days: number | null) => (days === null ? null : days * dayMs);
  const applications = Object.entries(own).map(([name, days]) => [name, inMs(days)] as const);
  return { standardMs: inMs(standard), applicationsMs: new Map(applications) };
}

describe("payload retention", () => {
  it("removes of each application what is older than it keeps, and of nobody else anything", async () => {
    const { state, retention, ids, left, recorded } = bench([
      ["short", 40],
      ["long", 40],
      ["ever", 400],
      ["short", 8],
      ["gone", 31],
      ["short", 6],
      ["long", 100],
    ]);
    state.rules = rules(30, { short: 7, long: 90, ever: null });
    assert.equal(await retention.sweep(), 4);
    assert.deepEqual(left(), [ids[1], ids[2], ids[5]]);
    assert.equal(
      recorded.reduce((sum, { entries }) => sum + entries, 0),
      4,
    );
    const short = recorded.find(({ applications }) => applications.includes("short"));
    assert.deepEqual(short, {
      entries: 2,
      bytes: 40,
      oldest: now - 40 * dayMs,
      newest: now - 8 * dayMs,
      applications: ["short"],
    });
    assert.equal(await retention.sweep(), 0);
    assert.ok(recorded.every(({ entries }) => entries > 0));
    state.time += 2 * dayMs;
    assert.equal(await retention.sweep(), 1);
    assert.deepEqual(left(), [ids[1], ids[2]]);
  });

  it("keeps everything for ever where nothing else is said, and looks at nothing", async () => {
    const { retention, left, ids, state } = bench([["any", 4_000]]);
    assert.equal(await retention.sweep(), 0);
    assert.deepEqual(left(), ids);
    assert.equal(state.looked, 0);
  });

  it("removes nothing that it cannot record, and tries again", async () => {
    const { retention, left, ids, state } = bench([["any", 4]]);
    state.rules = rules(1);
    state.refuses = true;
    await assert.rejects(retention.sweep(), /takes no entries/);
    assert.deepEqual(left(), ids);
    state.refuses = false;
    assert.equal(await retention.sweep(), 1);
    assert.deepEqual(left(), []);
  });

  it("goes on where it failed or was killed, and records the rest again", async () => {
    const { store, retention, left, recorded, state } = bench(
      Array.from({ length: 120 }, () => ["any", 4] as const),
    );
    state.rules = rules(1);
    const remove = store.removePayloads.bind(store);
    let batches = 0;
    store.removePayloads = async (entryIds) => {
      assert.ok(entryIds.length <= 50, "in small steps");
      batches += 1;
      if (batches === 2) throw new Error("the disk is full");
      await remove(entryIds);
    };
    await assert.rejects(retention.sweep(), /disk is full/);
    assert.equal(left().length, 70);
    assert.equal(await retention.sweep(), 70);
    assert.deepEqual(
      recorded.map(({ entries }) => entries),
      [120, 70],
    );
  });

  it("removes nothing more by rules that are changed meanwhile", async () => {
    const { store, retention, left, recorded, state } = bench(
      Array.from({ length: 120 }, () => ["any", 4] as const),
    );
    state.rules = rules(1);
    const remove = store.removePayloads.bind(store);
    store.removePayloads = async (entryIds) => {
      await remove(entryIds);
      state.rules = rules(30);
    };
    assert.equal(await retention.sweep(), 50);
    assert.equal(left().length, 70);
    assert.equal(await retention.sweep(), 0);
    state.rules = rules(1);
    const find = store.keptEntries.bind(store);
    store.keptEntries = async (...range) => {
      state.rules = rules(30);
      return find(...range);
    };
    assert.equal(await retention.sweep(), 0);
    assert.equal(recorded.length, 1);
  });

  it("looks once at what it leaves, until the rules are others", async () => {
    const { retention, state, left, ids } = bench([
      ["ever", 9],
      ["ever", 8],
      ["short", 5],
    ]);
    state.rules = rules(1, { ever: null });
    assert.equal(await retention.sweep(), 1);
    const { looked } = state;
    await retention.sweep();
    assert.equal(state.looked, looked);
    state.rules = rules(1);
    assert.equal(await retention.sweep(), 2);
    assert.ok(left().length === 0 && ids.length === 3);
  });

  it("takes payload too that was written later than its entry", async () => {
    const { retention, state, store, left, ids } = bench([["any", 1]]);
    const [late] = store.payloads.splice(0);
    state.rules = rules(1);
    state.time += 1;
    assert.equal(await retention.sweep(), 0);
    if (late !== undefined) store.payloads.push(late);
    state.time += 600_000;
    assert.equal(await retention.sweep(), 1);
    assert.ok(left().length === 0 && ids.length === 1);
  });

  it("is not held up by ids that nobody of ours made", async () => {
    const { retention, state, store, recorded } = bench([["any", 4]]);
    store.payloads.push({ entryId: "!", subject: "sub_1", field: "x", ciphertext: Buffer.alloc(1) });
    state.rules = rules(1);
    assert.equal(await retention.sweep(), 2);
    assert.equal(recorded[0]?.oldest, 0);
  });
});
