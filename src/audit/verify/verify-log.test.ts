import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { signCheckpoint } from "../checkpoint.ts";
import type { LeafBody } from "../leaf-schema.ts";
import { type LogState, MemoryLogStore } from "../log-store.test-support.ts";
import type { StoredCheckpoint } from "../log-store.ts";
import { appendLeafHashes, emptyHead, leafHash, rootOf } from "../merkle-tree.ts";
import { noteSigner } from "../signed-note.ts";
import {
  actionDecided,
  completed,
  decided,
  record,
  type TrailBench,
  testSigner,
  trailBench,
} from "../trail.test-support.ts";
import { type EntrySource, logStoreSource } from "./entry-source.ts";
import { type Finding, findingText } from "./finding.ts";
import { type VerifyOptions, type VerifyReport, verifyLog } from "./verify-log.ts";

/** As a driver has it. */
class ListingLogStore extends MemoryLogStore {
  async keptCheckpoints(after: number): Promise<readonly StoredCheckpoint[]> {
    // Two at a time, so that the source has to come back for more.
    return this.state.checkpoints.filter(({ size }) => size > after).slice(0, 2);
  }
}

function verify(state: LogState, changes: Partial<VerifyOptions> = {}): Promise<VerifyReport> {
  const source = logStoreSource(new MemoryLogStore(state));
  return verifyLog({ source, verifier: testSigner, pinned: null, ...changes });
}

/** A log in which every rule has something to hold for. */
async function goodLog(t: TestContext): Promise<TrailBench> {
  const bench = trailBench(t);
  const trail = await bench.open();
  for (let call = 0; call < 20; call += 1) {
    bench.clock.time += 100;
    await record(trail, decided(`call_${call}`));
    await record(trail, completed(`call_${call}`));
  }
  const withheld = { outcome: "withheld", reason: "approval_required", status: 403 } as const;
  await record(trail, decided("call_held"), actionDecided("call_held"), completed("call_held", withheld));
  await record(
    trail,
    decided("call_write"),
    actionDecided("call_write", { decision: "permit", unattended: true }),
    actionDecided("call_write", { decision: "permit", effect: "read", position: 1 }),
    completed("call_write"),
  );
  await record(
    trail,
    decided("call_fallback", { target: "a/one" }),
    decided("call_fallback", { dispatch: 2 }),
  );
  await record(trail, completed("call_fallback", { dispatches: 2 }));
  const denied = { outcome: "refused", reason: "policy_denied", target: null, dispatches: 0 } as const;
  await record(trail, decided("call_denied", { decision: "deny" }), completed("call_denied", denied));
  await trail.close();
  return bench;
}

/** The findings of a log to which the gateway, holding the key, itself wrote these entries. */
async function findingsOf(t: TestContext, ...bodies: readonly LeafBody[]): Promise<readonly Finding[]> {
  const bench = trailBench(t);
  const trail = await bench.open();
  await record(trail, ...bodies);
  await trail.close();
  const report = await verify(bench.state);
  assert.equal(report.log.ok, true);
  assert.equal(report.ok, report.governance.ok);
  assert.equal(report.governance.ok, report.findings.length === 0);
  return told(report);
}

/** Findings, each shown to have words. */
function told(report: VerifyReport): readonly Finding[] {
  for (const finding of report.findings) assert.match(findingText(finding), /^[a-z].*[^.]$/s);
  return report.findings;
}

function reasons(report: VerifyReport): readonly string[] {
  return told(report).map((finding) => finding.reason);
}

/** What somebody with the database and without the key can do: change it and make the stored head fit. */
function tamper(state: LogState, change: (copy: LogState) => void): LogState {
  const copy = structuredClone(state);
  change(copy);
  const hashes = copy.entries.map((entry) => leafHash(entry.leaf));
  copy.head = appendLeafHashes(emptyHead, hashes);
  return copy;
}

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
      log: { ok: true, entries, checkpoints: 2, pinned: true, sealed: entries, unsealed: 0 },
      governance: {
        ok: true,
        calls: 24,
        completed: 24,
        unknownOutcomes: 0,
        dispatched: 23,
        actions: 3,
        actionsPermitted: 2,
        writesUnattended: 1,
        writesApproved: 0,
        open: 0,
        openCalls: [],
      },
      findings: [],
      moreFindings: 0,
    });
    assert.equal(steps.at(-1), entries);
  });

  it("holds for a running gateway, and names its open calls and unsealed tail", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(trail, decided("call_1"));
    const report = await verify(bench.state);
    assert.equal(report.ok, true);
    assert.deepEqual([report.log.sealed, report.log.unsealed], [2, 1]);
    assert.deepEqual(report.governance.openCalls, [{ call: "call_1", entry: 2 }]);
  });

  it("holds after a crash and its recovery, which it counts", async (t) => {
    const bench = trailBench(t);
    await record(
      await bench.open(),
      decided("call_1"),
      decided("call_2", { decision: "deny", target: null }),
    );
    await bench.open({ instance: "inst_2" });
    const report = await verify(bench.state);
    assert.equal(report.ok, true);
    assert.deepEqual([report.governance.unknownOutcomes, report.governance.open], [2, 0]);
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
    const narrowed = {
      ...logStoreSource(new MemoryLogStore(unreadable)),
      checkpoints: async () => notesAt(bench.state, [3, 5, 7]),
    };
    const mismatch = told(await verify(unreadable, { source: narrowed })).find(
      (one) => one.reason === "root_mismatch",
    );
    assert.ok(mismatch);
    assert.deepEqual([mismatch.entry, mismatch.size], [5, 7]);
  });

  it("narrows down where, by the checkpoints that the store has kept, and finds what was signed over another tree", async (t) => {
    const bench = await goodLog(t);
    keepCheckpointsAt(bench.state, [2, 4, 6, 12, 20]);
    const verifyListed = (state: LogState) =>
      verify(state, { source: logStoreSource(new ListingLogStore(state)) });
    const honest = await verifyListed(bench.state);
    assert.deepEqual([honest.ok, honest.log.checkpoints], [true, 6]);

    const changed = tamper(bench.state, ({ entries }) => entries[9]?.leaf.set([0xff], 3));
    const mismatches = told(await verifyListed(changed)).filter((one) => one.reason === "root_mismatch");
    assert.deepEqual(
      mismatches.map(({ entry, size }) => [entry, size]),
      [[6, 12]],
    );

    const forked = structuredClone(bench.state);
    const [fork] = forked.checkpoints.splice(2, 1);
    assert.ok(fork);
    const note = signCheckpoint(testSigner, fork.size, Buffer.alloc(32, 1));
    forked.checkpoints.splice(2, 0, { ...fork, note });
    assert.deepEqual(reasons(await verifyListed(forked)), ["root_mismatch"]);
  });

  it("says a fault that many checkpoints have once, with their number", async (t) => {
    const bench = await goodLog(t);
    keepCheckpointsAt(bench.state, [2, 4, 6]);
    const source = logStoreSource(new ListingLogStore(bench.state));
    const cut = tamper(bench.state, (copy) => void copy.entries.splice(3));
    assert.deepEqual(
      told(await verify(cut, { source: logStoreSource(new ListingLogStore(cut)) })).filter(
        (one) => one.reason === "log_truncated",
      ),
      [{ reason: "log_truncated", checkpoint: "stored", expected: bench.state.entries.length, found: 3 }],
    );
    const stranger = noteSigner(testSigner.name, Buffer.alloc(32, 9));
    const found = told(await verify(bench.state, { source, verifier: stranger }));
    const invalid = found.filter((one) => one.reason === "invalid_checkpoint");
    assert.deepEqual(
      invalid.map(({ count }) => count),
      [4],
    );
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
    const closedUp = tamper(bench.state, ({ entries }) => void entries.splice(6, 1));
    assert.deepEqual(reasons(await verify(closedUp)), ["no_decision", "log_truncated"]);

    const all = bench.state.entries.map((entry, index) => ({ index, leaf: entry.leaf }));
    const withHole = (from: number, to: number): EntrySource => ({
      ...logStoreSource(new MemoryLogStore(bench.state)),
      read: async (start, end) =>
        all.slice(start, end).filter((entry) => entry.index < from || entry.index >= to),
    });
    const hole = told(await verify(bench.state, { source: withHole(6, 8) }));
    assert.deepEqual(hole[0], { reason: "entries_missing", entry: 6, to: 8 });
    assert.equal(hole.at(-1)?.reason, "root_mismatch");
    const tail = told(await verify(bench.state, { source: withHole(10, all.length) }));
    assert.deepEqual(tail[0], { reason: "entries_missing", entry: 10, to: all.length });
  });

  it("finds entries that changed places", async (t) => {
    const bench = await goodLog(t);
    const state = tamper(bench.state, ({ entries }) => {
      const [decision, completion] = entries.slice(6, 8);
      assert.ok(decision && completion);
      entries.splice(6, 2, completion, decision);
    });
    assert.deepEqual(reasons(await verify(state)), ["no_decision", "root_mismatch"]);

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

/** Signed over the log as it is, before the latest one. */
function keepCheckpointsAt(state: LogState, sizes: readonly number[]): void {
  const latest = state.checkpoints.at(-1);
  assert.ok(latest);
  const kept = notesAt(state, sizes).map((note, at) => ({ ...latest, size: sizes[at] ?? 0, note }));
  state.checkpoints = [...kept, latest];
}

function notesAt(state: LogState, sizes: readonly number[]): readonly string[] {
  return sizes.map((size) => {
    const hashes = state.entries.slice(0, size).map((entry) => leafHash(entry.leaf));
    return signCheckpoint(testSigner, size, rootOf(appendLeafHashes(emptyHead, hashes)));
  });
}

describe("verifying calls in a log that its gateway signed", () => {
  it("finds a call completed twice, and one continued after its end", async (t) => {
    assert.deepEqual(await findingsOf(t, decided("call_1"), completed("call_1"), completed("call_1")), [
      { reason: "completed_twice", entry: 4, call: "call_1", completed: 3 },
    ]);
    const late = [decided("call_1", { dispatch: 2 }), actionDecided("call_1")];
    assert.deepEqual(await findingsOf(t, decided("call_1"), completed("call_1"), ...late), [
      { reason: "decided_after_completion", entry: 4, call: "call_1", completed: 3 },
      { reason: "decided_after_completion", entry: 5, call: "call_1", completed: 3 },
    ]);
  });

  it("finds a completion and an action that nothing decides", async (t) => {
    assert.deepEqual(await findingsOf(t, completed("call_1"), actionDecided("call_2")), [
      { reason: "no_decision", entry: 2, call: "call_1" },
      { reason: "no_decision", entry: 3, call: "call_2" },
    ]);
  });

  it("finds a dispatch without a permit, to another target or to none that is named", async (t) => {
    const cases: readonly (readonly [LeafBody[], readonly string[], string | null])[] = [
      [[decided("call_1", { decision: "deny" }), completed("call_1")], [], "demo/parrot"],
      [
        [decided("call_1", { decision: "hold" }), completed("call_1", { outcome: "upstream_error" })],
        [],
        "demo/parrot",
      ],
      [[decided("call_1", { target: "a/one" }), completed("call_1")], ["a/one"], "demo/parrot"],
      [[decided("call_1"), completed("call_1", { target: null, dispatches: 0 })], ["demo/parrot"], null],
      [[decided("call_1"), completed("call_1", { target: null, outcome: "refused" })], ["demo/parrot"], null],
    ];
    for (const [bodies, expected, found] of cases) {
      assert.deepEqual(await findingsOf(t, ...bodies), [
        { reason: "dispatched_without_permit", entry: 3, call: "call_1", expected, found },
      ]);
    }
  });

  it("finds dispatches that are not numbered from one without gaps", async (t) => {
    for (const [first, second, expected] of [
      [2, 3, 1],
      [1, 3, 2],
      [1, 1, 2],
    ] as const) {
      const found = await findingsOf(
        t,
        decided("call_1", { dispatch: first }),
        decided("call_1", { dispatch: second }),
        completed("call_1"),
      );
      assert.deepEqual(
        found.map((finding) => finding.reason),
        ["dispatch_out_of_order"],
      );
      assert.equal(found[0]?.reason === "dispatch_out_of_order" && found[0].expected, expected);
    }
  });

  it("finds held or denied actions that were released, and actions that answer nothing permitted", async (t) => {
    for (const decision of ["hold", "deny"] as const) {
      assert.deepEqual(
        await findingsOf(t, decided("call_1"), actionDecided("call_1", { decision }), completed("call_1")),
        [{ reason: "action_released", entry: 4, call: "call_1", action: 3, found: decision }],
      );
    }
    const denied = decided("call_1", { decision: "deny" });
    const nothing = completed("call_1", { outcome: "refused", target: null, dispatches: 0 });
    assert.deepEqual(await findingsOf(t, denied, actionDecided("call_1"), nothing), [
      { reason: "action_without_permit", entry: 3, call: "call_1", dispatch: 1 },
    ]);
  });

  it("finds a write that is permitted without a basis", async (t) => {
    const write = actionDecided("call_1", { decision: "permit" });
    assert.deepEqual(await findingsOf(t, decided("call_1"), write, completed("call_1")), [
      { reason: "write_without_basis", entry: 3, call: "call_1", tool: "send_email" },
    ]);
    const approved = actionDecided("call_1", { decision: "permit", approval: "appr_1" });
    assert.deepEqual(await findingsOf(t, decided("call_1"), approved, completed("call_1")), []);
  });

  it("finds a call that changes hands", async (t) => {
    const other = { application: "other" };
    const found = await findingsOf(
      t,
      decided("call_1"),
      decided("call_1", { dispatch: 2, ...other }),
      actionDecided("call_1", { ...other, decision: "permit", effect: "read" }),
      completed("call_1", other),
    );
    assert.deepEqual(
      found.map((finding) => finding.reason),
      Array(3).fill("other_application"),
    );
  });

  it("finds a second beginning, epochs that do not grow and time that runs back", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(trail, { type: "log.opened", actor: { kind: "gateway", id: "i" }, epoch: 1, version: "1" });
    await record(trail, { type: "log.closed", actor: { kind: "gateway", id: "i" }, epoch: 9 });
    await record(trail, {
      type: "log.created",
      actor: { kind: "gateway", id: "i" },
      origin: testSigner.name,
      vkey: testSigner.vkey,
    });
    const early = trail.encode(decided("call_1"), null);
    bench.clock.time += 4_000;
    await record(trail, decided("call_2"));
    await trail.append([early]);
    bench.clock.time += 60_000;
    await record(trail, completed("call_2"));
    const late = trail.encode(completed("call_1"), null);
    const wrong = trail.encode(decided("call_4", { decision: "deny", target: null }), null);
    bench.clock.time += 60_000;
    await record(trail, decided("call_3"), completed("call_3"));
    await trail.append([late, wrong]);
    await trail.close();
    const report = await verify(bench.state);
    assert.deepEqual(
      told(report).map((finding) => [finding.reason, "entry" in finding && finding.entry]),
      [
        ["epoch_out_of_order", 2],
        ["epoch_out_of_order", 3],
        ["wrong_beginning", 4],
        ["time_backwards", 11],
      ],
    );
    assert.equal(report.log.ok, false);
    assert.equal(report.governance.ok, true);
  });

  it("lets the end of a call be recorded late, and not be stamped before its beginning", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    const tooEarly = trail.encode(completed("call_2"), null);
    await record(trail, decided("call_1"));
    bench.clock.time += 1_000;
    const late = [actionDecided("call_1", { decision: "permit", approval: "appr_1" }), completed("call_1")];
    const entries = late.map((body) => trail.encode(body, null));
    bench.clock.time += 600_000;
    await record(trail, decided("call_2"));
    await trail.append([...entries, tooEarly]);
    assert.deepEqual(told(await verify(bench.state)), [
      {
        reason: "stamped_before_decision",
        entry: 6,
        call: "call_2",
        expected: "2026-11-23T00:10:01.000Z",
        found: "2026-11-23T00:00:00.000Z",
      },
    ]);
  });

  it("keeps the first thousand findings and counts the rest", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(trail, ...Array.from({ length: 1_200 }, (_, call) => completed(`call_${call}`)));
    await trail.close();
    const report = await verify(bench.state);
    assert.deepEqual([report.findings.length, report.moreFindings], [1_000, 200]);
  });
});
