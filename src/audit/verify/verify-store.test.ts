import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { describe, it } from "node:test";
import { commitment } from "portcullis-verify/leaves/commitment.ts";
import type { KeptField } from "portcullis-verify/rules/payload-check.ts";
import type { VerifyReport } from "portcullis-verify/rules/verify-log.ts";
import { type LogState, MemoryLogStore, newLogState } from "../log-store.test-support.ts";
import type { LogContents } from "../log-store.ts";
import { logStoreSource } from "../log-store-source.ts";
import { completed, decided, record, testSigner, trailBench } from "../trail.test-support.ts";
import {
  activated,
  checkpointsAt,
  goodLog,
  keepCheckpointsAt,
  reasons,
  told,
  verify,
} from "./verify.test-support.ts";

/** With other contents than the store would give. */
async function verifyWith(
  state: LogState,
  change: (contents: LogContents) => Partial<LogContents>,
): Promise<VerifyReport> {
  const store = new MemoryLogStore(state);
  const contents = await store.contents();
  const records = {
    contents: async () => ({ ...contents, ...change(contents) }),
    recordsOf: (ids: readonly string[]) => store.recordsOf(ids),
  };
  return verify(state, { source: { ...logStoreSource(store), records } });
}

describe("verifying what the store keeps beside a sound log", () => {
  it("finds a head of another tree, and one of no tree", async (t) => {
    const { state } = await goodLog(t);
    const { size, frontier } = state.head;
    for (const [changed, isTree] of [
      [frontier.map(() => Buffer.alloc(32, 1)), true],
      [[...frontier, Buffer.alloc(32)], false],
      [frontier.map((one) => one.subarray(1)), false],
    ] as const) {
      const report = await verify({ ...state, head: { size, frontier: changed } });
      const [finding, ...more] = told(report);
      assert.ok(finding?.reason === "head_mismatch");
      assert.deepEqual(
        [finding.size, finding.found === null, more, report.log.ok],
        [size, !isTree, [], false],
      );
    }
  });

  it("finds that the head is gone, and then reads the entries that are there", async (t) => {
    const { state } = await goodLog(t);
    const report = await verifyWith(state, () => ({ head: null }));
    const entries = state.entries.length;
    assert.deepEqual(told(report), [{ reason: "no_head", entries }]);
    assert.deepEqual([report.log.entries, report.log.sealed], [entries, entries]);
  });

  it("finds entries beyond the head, and a head beyond the entries, however far", async (t) => {
    const { state } = await goodLog(t);
    const entries = state.entries.length;
    const copy = structuredClone(state);
    copy.entries.push(...copy.entries.slice(0, 2).map((entry, at) => ({ ...entry, id: `extra ${at}` })));
    assert.deepEqual(told(await verify(copy)), [
      { reason: "stray_entries", size: entries, count: 2 },
      { reason: "surplus_ids", expected: entries, found: entries + 2 },
    ]);

    const far = Number.MAX_SAFE_INTEGER;
    const missing = { reason: "entries_missing", entry: entries, to: far };
    for (const end of [entries, far]) {
      const report = await verifyWith(state, ({ head }) => ({
        head: head === null ? null : { ...head, size: far },
        end,
      }));
      assert.deepEqual(told(report), [missing]);
    }
  });

  it("finds ids that lead to other entries, to none, and ids of no entry", async (t) => {
    const { state } = await goodLog(t);
    const swapped = structuredClone(state);
    const [one, other] = swapped.entries.slice(4, 6);
    assert.ok(one !== undefined && other !== undefined);
    swapped.entries.splice(4, 2, { ...one, id: other.id }, { ...other, id: one.id });
    assert.deepEqual(told(await verify(swapped)), [
      { reason: "misplaced_ids", entry: 4, found: 5, count: 2 },
    ]);
    const lost = structuredClone(state);
    for (const at of [4, 5, 6])
      lost.entries.splice(at, 1, { ...one, leaf: lost.entries[at]?.leaf ?? one.leaf, id: "" });
    assert.deepEqual(told(await verify(lost)), [
      { reason: "misplaced_ids", entry: 4, found: null, count: 3 },
    ]);
    const size = state.entries.length;
    assert.deepEqual(told(await verifyWith(state, ({ ids }) => ({ ids: ids + 1 }))), [
      { reason: "surplus_ids", expected: size, found: size + 1 },
    ]);
  });

  it("finds columns beside a checkpoint's note that are not what it signed, any checkpoint's", async (t) => {
    const { state } = await goodLog(t);
    keepCheckpointsAt(state, [3, 5, 9]);
    const latest = state.checkpoints.at(-1)?.size ?? 0;
    const other = [Buffer.alloc(32, 1)];
    for (const [at, change, column, size] of [
      [3, { root: Buffer.alloc(32) }, "root", latest],
      [3, { frontier: other }, "frontier", latest],
      [0, { frontier: [] }, "frontier", 3],
      [1, { size: 6 }, "size", 5],
    ] as const) {
      const copy = structuredClone(state);
      const checkpoint = copy.checkpoints[at];
      assert.ok(checkpoint !== undefined);
      copy.checkpoints.splice(at, 1, { ...checkpoint, ...change });
      assert.deepEqual(told(await verify(copy)), [{ reason: "altered_checkpoint", column, size, count: 1 }]);
    }
    const all = state.checkpoints.map((checkpoint) => ({ ...checkpoint, root: Buffer.alloc(32) }));
    assert.deepEqual(told(await verify({ ...state, checkpoints: all })), [
      { reason: "altered_checkpoint", column: "root", size: 3, count: 4 },
    ]);
  });

  it("finds an epoch that was set back, and a recovery that would start too late", async (t) => {
    const bench = trailBench(t);
    await bench.open();
    const trail = await bench.open({ instance: "inst_2" });
    await record(trail, activated, decided("call_1"), decided("call_2"), completed("call_2"));
    assert.deepEqual(told(await verify({ ...bench.state, epoch: 3 })), [], "one that has not written yet");
    assert.deepEqual(told(await verify({ ...bench.state, epoch: 1 })), [
      { reason: "epoch_set_back", expected: 2, found: 1 },
    ]);
    assert.deepEqual(told(await verify({ ...bench.state, openFrom: 4 })), []);
    assert.deepEqual(told(await verify({ ...bench.state, openFrom: 5 })), [
      { reason: "recovery_too_late", entry: 4, found: 5 },
    ]);
    assert.deepEqual(told(await verify({ ...bench.state, openFrom: 8 })), [
      { reason: "recovery_beyond_log", size: 7, found: 8 },
    ]);
  });

  it("finds that the log's name is gone or another, and says in what", async (t) => {
    const { state } = await goodLog(t);
    const { name, vkey } = testSigner;
    const named = async (identity: LogState["identity"]) => told(await verify({ ...state, identity }));
    assert.deepEqual(await named(null), [{ reason: "no_identity", expected: vkey }]);
    assert.deepEqual(await named({ origin: "other", vkey }), [
      { reason: "other_origin", expected: name, found: "other" },
    ]);
    assert.deepEqual(await named({ origin: name, vkey: "other" }), [
      { reason: "other_log", expected: vkey, found: "other" },
    ]);
  });
});

describe("verifying payload", () => {
  const request = Buffer.from("{}");

  async function saltedLog(t: Parameters<typeof trailBench>[0]) {
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(trail, activated);
    const ids: string[] = [];
    for (const call of ["call_1", "call_2"]) {
      const salt = trail.newSalt("sub_1");
      const committed = (field: string, value: Uint8Array | string) =>
        commitment(salt.bytes, "call.decided", field, value);
      const body = decided(call, {
        request: committed("request", hash("sha256", request, "buffer")),
        source_address: committed("source_address", "::1"),
      });
      const entry = trail.encode(body, salt);
      ids.push(entry.id);
      await trail.append([entry]);
      await record(trail, completed(call, { response: null }));
    }
    await trail.close();
    return { state: bench.state, id: ids[0] ?? "" };
  }

  function withSalt(state: LogState, id: string, bytes: Uint8Array | null): LogState {
    const entries = state.entries.map((entry) =>
      entry.id === id ? { ...entry, salt: bytes === null ? null : { bytes, subject: "sub_1" } } : entry,
    );
    return { ...state, entries };
  }

  const readable = (field: string, value: Uint8Array): KeptField => ({
    field,
    subject: "sub_1",
    status: "readable",
    value,
  });

  it("counts salts that are erased or missing, which is no finding", async (t) => {
    const { state, id } = await saltedLog(t);
    const counts = async (bytes: Uint8Array | null) => {
      const report = await verify(withSalt(state, id, bytes));
      assert.equal(report.ok, true);
      return report.log.payloads;
    };
    assert.deepEqual((await verify(state)).log.payloads, {
      committed: 2,
      erasedOrMissing: 0,
      matching: null,
    });
    assert.deepEqual(await counts(null), { committed: 2, erasedOrMissing: 1, matching: null });
    assert.deepEqual(await counts(Buffer.alloc(31)), { committed: 2, erasedOrMissing: 1, matching: null });
    // Without the payload nobody can tell this from the right one, and the report says so.
    assert.deepEqual(await counts(Buffer.alloc(32)), { committed: 2, erasedOrMissing: 0, matching: null });
  });

  it("finds kept payload that contradicts, because it or the salt was changed", async (t) => {
    const { state, id } = await saltedLog(t);
    const fields = [readable("request", request), readable("source_address", Buffer.from("::1"))];
    const findings = async (kept: readonly KeptField[], from: LogState = state) => {
      const report = await verify(from, { payloads: { read: async (of) => (of === id ? kept : []) } });
      assert.ok(report.notChecked.every(({ reason }) => reason !== "salts"));
      return [report.log.payloads.matching, ...told(report)];
    };
    const contradicts = { reason: "payload_contradicts", entry: 3 } as const;
    assert.deepEqual(await findings(fields), [2]);
    assert.deepEqual(await findings([readable("request", Buffer.from("{ }"))]), [
      0,
      { ...contradicts, field: "request", found: "differs" },
    ]);
    assert.deepEqual(await findings([{ field: "request", subject: "sub_1", status: "damaged" }]), [
      0,
      { ...contradicts, field: "request", found: "damaged" },
    ]);
    assert.deepEqual(await findings([readable("never_committed", request)]), [
      0,
      { ...contradicts, field: "never_committed", found: "differs" },
    ]);
    assert.deepEqual(await findings(fields, withSalt(state, id, Buffer.alloc(32))), [
      0,
      { ...contradicts, field: "request", found: "differs" },
      { ...contradicts, field: "source_address", found: "differs" },
    ]);
    assert.deepEqual(await findings(fields, withSalt(state, id, null)), [0]);
  });
});

describe("verifying a log in pieces", () => {
  it("holds for a log without an entry, as a gateway that is killed at once leaves it", async () => {
    const state = newLogState();
    state.identity = { origin: testSigner.name, vkey: testSigner.vkey };
    const report = await verify(state);
    assert.deepEqual([report.ok, report.log.entries], [true, 0]);
  });

  it("finds where entries go on behind a hole of any size, and does not look for long", async (t) => {
    const { state } = await goodLog(t);
    const far = 2 ** 50;
    const moved = state.entries.length - 2;
    const store = new MemoryLogStore(state);
    const source = logStoreSource(store);
    let reads = 0;
    const holed = {
      ...source,
      records: {
        recordsOf: (ids: readonly string[]) => store.recordsOf(ids),
        contents: async () => {
          const contents = await store.contents();
          const end = far + 2;
          return { ...contents, end, head: contents.head === null ? null : { ...contents.head, size: end } };
        },
      },
      read: async (from: number, to: number) => {
        reads += 1;
        const at = (index: number) => (index < moved ? index : index - moved + far);
        const all = state.entries.map(({ leaf }, index) => ({ index: at(index), leaf }));
        return all.filter(({ index }) => index >= from && index < to);
      },
    };
    const found = told(await verify({ ...state, checkpoints: checkpointsAt(state, [4]) }, { source: holed }));
    assert.deepEqual(found[0], { reason: "entries_missing", entry: moved, to: far });
    assert.ok(reads < 100, `${reads} reads`);
    assert.ok(reasons(await verify(state)).length === 0);
  });
});
