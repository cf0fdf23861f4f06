import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { signCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { rootOf } from "portcullis-verify/log/merkle-tree.ts";
import { noteSigner } from "portcullis-verify/log/signed-note.ts";
import { notCheckedText } from "portcullis-verify/rules/not-checked.ts";
import type { VerifyOptions } from "portcullis-verify/rules/verify-log.ts";
import type { EntrySource } from "portcullis-verify/source/entry-source.ts";
import { MemoryLogStore } from "../log-store.test-support.ts";
import { logStoreSource } from "../log-store-source.ts";
import { decided, record, testSigner, trailBench } from "../trail.test-support.ts";
import { approvedTurn } from "./approval-log.test-support.ts";
import {
  activated,
  checkpointsAt,
  goodLog,
  keepCheckpointsAt,
  noApprovals,
  reasons,
  tamper,
  told,
  verify,
} from "./verify.test-support.ts";

describe("verifying an honest log", () => {
  it("holds, and says in counts what was checked", async (t) => {
    const bench = await goodLog(t);
    const steps: number[] = [];
    const report = await verify(bench.state, {
      pinned: readFileSync(bench.headFile, "utf8"),
      onProgress: ({ checked }) => steps.push(checked),
    });
    const entries = bench.state.entries.length;
    assert.deepEqual(report, {
      ok: true,
      origin: "gate.example/log",
      log: {
        ok: true,
        entries,
        checkpoints: 3,
        pinned: true,
        sealed: entries,
        unsealed: 0,
        witnessed: null,
        clockResets: 0,
        tiles: null,
        newest: bench.state.checkpoints.at(-1)?.note ?? null,
        payloads: { committed: 58, erasedOrMissing: 58, matching: null },
      },
      governance: {
        ok: true,
        calls: 25,
        completed: 25,
        unknownOutcomes: 0,
        dispatched: 24,
        actions: 4,
        actionsPermitted: 3,
        writesUnattended: 1,
        writesApproved: 1,
        approvals: { ...noApprovals, requested: 1, votes: 1, released: 1 },
        open: 0,
        openCalls: [],
        revisions: 1,
        decisions: 31,
      },
      replay: null,
      findings: [],
      moreFindings: 0,
      notChecked: [
        { reason: "voters", votes: 1 },
        { reason: "no_replay", decisions: 31 },
        { reason: "no_witness" },
      ],
    });
    assert.equal(steps.at(-1), entries);
  });

  it("holds for a running gateway, and names its open calls and unsealed tail", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(trail, activated, decided("call_1"));
    const report = await verify(bench.state);
    assert.equal(report.ok, true);
    assert.deepEqual([report.log.sealed, report.log.unsealed], [2, 2]);
    assert.deepEqual(report.governance.openCalls, [{ call: "call_1", entry: 3 }]);
    assert.ok(report.notChecked.some((open) => open.reason === "unsealed" && open.entries === 2));
  });

  it("holds after a crash and its recovery, which it counts", async (t) => {
    const bench = trailBench(t);
    await record(
      await bench.open(),
      activated,
      decided("call_1"),
      decided("call_2", { decision: "deny", target: null }),
    );
    await bench.open({ instance: "inst_2" });
    const report = await verify(bench.state);
    assert.equal(report.ok, true);
    assert.deepEqual([report.governance.unknownOutcomes, report.governance.open], [2, 0]);
  });

  it("says what it did not check, each in words", async (t) => {
    const bench = await goodLog(t);
    const pinned = readFileSync(bench.headFile, "utf8");
    const trail = await bench.open({ instance: "inst_2" });
    const salt = trail.newSalt("sub_1");
    await trail.append(approvedTurn("call_new").map((body) => trail.encode(body, salt)));
    const open = async (changes: Partial<VerifyOptions>) => {
      const report = await verify(bench.state, changes);
      const { notChecked } = report;
      assert.deepEqual(told(report), []);
      for (const one of notChecked) assert.match(notCheckedText(one), /^[a-z].*[^.]$/);
      return notChecked.map(({ reason }) => reason);
    };
    const always = ["unsealed", "salts", "voters", "no_replay", "no_witness"];
    assert.deepEqual(await open({}), ["no_pin", ...always]);
    assert.deepEqual(await open({ pinned }), always);
    assert.deepEqual(await open({ pinned, pinFromLog: true, keyFromLog: true }), [
      "pin_beside_log",
      "key_from_log",
      ...always,
    ]);
  });
});

describe("verifying a log that was changed by somebody without the key", () => {
  it("finds any single flipped bit", async (t) => {
    const bench = await goodLog(t);
    for (let entry = 0; entry < bench.state.entries.length; entry += 7) {
      const state = tamper(bench.state, ({ entries }) => {
        const leaf = entries[entry]?.leaf;
        assert.ok(leaf);
        const at = (entry * 31) % leaf.length;
        leaf[at] = (leaf[at] ?? 0) ^ (1 << (entry % 8));
      });
      assert.ok(reasons(await verify(state)).includes("root_mismatch"), `entry ${entry}`);
    }
  });

  it("names the entry that is no leaf any more, and where entries differ from what was signed", async (t) => {
    const bench = await goodLog(t);
    const unreadable = tamper(bench.state, ({ entries }) => entries[5]?.leaf.set([0xff], 3));
    const report = await verify(unreadable);
    assert.deepEqual(
      told(report).find((finding) => finding.reason === "unreadable_entry"),
      { reason: "unreadable_entry", entry: 5, detail: "it is not JSON in UTF-8" },
    );
    const narrowed = { ...unreadable, checkpoints: checkpointsAt(bench.state, [3, 5, 7]) };
    const mismatch = told(await verify(narrowed)).find((one) => one.reason === "root_mismatch");
    assert.ok(mismatch);
    assert.deepEqual([mismatch.entry, mismatch.size], [5, 7]);
  });

  it("narrows down where, by the checkpoints that the store has kept, and finds what was signed over another tree", async (t) => {
    const bench = await goodLog(t);
    keepCheckpointsAt(bench.state, [2, 4, 6, 12, 20]);
    const honest = await verify(bench.state);
    assert.deepEqual([honest.ok, honest.log.checkpoints], [true, 6]);

    const changed = tamper(bench.state, ({ entries }) => entries[9]?.leaf.set([0xff], 3));
    const mismatches = told(await verify(changed)).filter((one) => one.reason === "root_mismatch");
    assert.deepEqual(
      mismatches.map(({ entry, size }) => [entry, size]),
      [[6, 12]],
    );

    const forked = structuredClone(bench.state);
    const [fork] = forked.checkpoints.splice(2, 1);
    assert.ok(fork);
    const frontier = fork.frontier.map(() => Buffer.alloc(32, 1));
    const root = rootOf({ size: fork.size, frontier });
    const note = signCheckpoint(testSigner, fork.size, root);
    forked.checkpoints.splice(2, 0, { ...fork, frontier, root, note });
    assert.deepEqual(reasons(await verify(forked)), ["root_mismatch"]);
  });

  it("says a fault that many checkpoints have once, with their number", async (t) => {
    const bench = await goodLog(t);
    keepCheckpointsAt(bench.state, [2, 4, 6]);
    const cut = tamper(bench.state, (copy) => void copy.entries.splice(3));
    assert.deepEqual(
      told(await verify(cut)).filter((one) => one.reason === "log_truncated"),
      [{ reason: "log_truncated", checkpoint: "stored", expected: bench.state.entries.length, found: 3 }],
    );
    const stranger = noteSigner(testSigner.name, Buffer.alloc(32, 9));
    const found = told(await verify(bench.state, { verifier: stranger }));
    const invalid = found.filter((one) => one.reason === "invalid_checkpoint");
    assert.deepEqual(
      invalid.map(({ count }) => count),
      [4],
    );
  });

  it("reads all checkpoints, however many are given at a time", async (t) => {
    const bench = await goodLog(t);
    keepCheckpointsAt(bench.state, [2, 4, 6, 12, 20]);
    const source = logStoreSource(new MemoryLogStore(bench.state));
    const twoAtATime: EntrySource = {
      ...source,
      checkpoints: async (after) => (await source.checkpoints(after)).slice(0, 2),
    };
    assert.equal((await verify(bench.state, { source: twoAtATime })).log.checkpoints, 6);
  });

  it("finds a leaf in another spelling", async (t) => {
    const bench = await goodLog(t);
    const state = tamper(bench.state, ({ entries }) => {
      const entry = entries[4];
      assert.ok(entry);
      entries[4] = {
        ...entry,
        leaf: Buffer.from(Buffer.from(entry.leaf).toString().replace('"v":1', '"v": 1')),
      };
    });
    assert.deepEqual(told(await verify(state))[0], {
      reason: "unreadable_entry",
      entry: 4,
      detail: "it is not in canonical form",
    });
  });

  it("finds a removed entry, closed up or as a hole", async (t) => {
    const bench = await goodLog(t);
    const closedUp = tamper(bench.state, ({ entries }) => void entries.splice(7, 1));
    assert.deepEqual(reasons(await verify(closedUp)), ["no_decision", "log_truncated"]);

    const all = bench.state.entries.map((entry, index) => ({ index, leaf: entry.leaf }));
    const withHole = (from: number, to: number): EntrySource => ({
      ...logStoreSource(new MemoryLogStore(bench.state)),
      read: async (start, end) =>
        all.slice(start, end).filter((entry) => entry.index < from || entry.index >= to),
    });
    const hole = told(await verify(bench.state, { source: withHole(6, 8) }));
    assert.deepEqual(hole[0], { reason: "entries_missing", entry: 6, to: 8 });
    assert.ok(hole.some(({ reason }) => reason === "root_mismatch"));
    const tail = told(await verify(bench.state, { source: withHole(10, all.length) }));
    assert.deepEqual(tail[0], { reason: "entries_missing", entry: 10, to: all.length });
  });

  it("finds entries that changed places", async (t) => {
    const bench = await goodLog(t);
    const state = tamper(bench.state, ({ entries }) => {
      const [decision, completion] = entries.slice(7, 9);
      assert.ok(decision && completion);
      entries.splice(7, 2, completion, decision);
    });
    assert.deepEqual(reasons(await verify(state)), ["no_decision", "root_mismatch", "recovery_too_late"]);

    const source = logStoreSource(new MemoryLogStore(bench.state));
    const shuffled: EntrySource = {
      ...source,
      read: async (from, to) => (await source.read(from, to)).toReversed(),
    };
    assert.ok(reasons(await verify(bench.state, { source: shuffled })).includes("entry_out_of_order"));
  });

  it("finds a truncated log, with its checkpoints or only against a pinned one", async (t) => {
    const bench = await goodLog(t);
    const pinned = readFileSync(bench.headFile, "utf8");
    const size = bench.state.entries.length;
    const cut = tamper(bench.state, (copy) => {
      copy.entries.length = 2;
      copy.checkpoints.length = 1;
    });
    assert.equal((await verify(cut)).ok, true);
    assert.deepEqual(told(await verify(cut, { pinned })), [
      { reason: "log_truncated", checkpoint: "pinned", expected: size, found: 2 },
    ]);
    const keepsCheckpoints = tamper(bench.state, (copy) => void copy.entries.pop());
    assert.deepEqual(told(await verify(keepsCheckpoints)), [
      { reason: "log_truncated", checkpoint: "stored", expected: size, found: size - 1 },
    ]);
  });

  it("finds a log rewritten under its own key, against a pinned head", async (t) => {
    const bench = await goodLog(t);
    const pinned = readFileSync(bench.headFile, "utf8");
    const other = await goodLog(t);
    const rewritten = await verify(other.state, { pinned });
    assert.deepEqual(
      told(rewritten).map((finding) => [finding.reason, "checkpoint" in finding && finding.checkpoint]),
      [["root_mismatch", "pinned"]],
    );
  });

  it("finds a forged signature, another key's signature, and no signature at all", async (t) => {
    const bench = await goodLog(t);
    const replaceNote = (note: string) =>
      tamper(bench.state, (copy) => {
        copy.checkpoints = copy.checkpoints.slice(-1).map((checkpoint) => ({ ...checkpoint, note }));
      });
    const honest = bench.state.checkpoints.at(-1);
    assert.ok(honest);
    const forged = honest.note.replace(/\n\d+\n/, "\n5\n");
    assert.deepEqual(reasons(await verify(replaceNote(forged))), ["invalid_checkpoint", "no_checkpoint"]);
    const stranger = noteSigner(testSigner.name, Buffer.alloc(32, 9));
    const foreign = signCheckpoint(stranger, honest.size, honest.root);
    assert.deepEqual(reasons(await verify(replaceNote(foreign))), ["invalid_checkpoint", "no_checkpoint"]);
    const unsigned = tamper(bench.state, (copy) => void copy.checkpoints.splice(0));
    assert.deepEqual(reasons(await verify(unsigned)), ["no_checkpoint"]);
    assert.ok(reasons(await verify(bench.state, { verifier: stranger })).includes("other_log"));
  });
});
