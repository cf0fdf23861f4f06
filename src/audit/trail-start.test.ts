import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { encodeLeaf } from "portcullis-verify/leaves/leaf.ts";
import { appendLeafHashes, emptyHead, leafHash } from "portcullis-verify/log/merkle-tree.ts";
import { OperatorError } from "../core/operator-error.ts";
import { diskFull, MemoryLogStore } from "./log-store.test-support.ts";
import { completed, decided, leavesOf, record, type TrailBench, trailBench } from "./trail.test-support.ts";

/** Counts what is read. */
class Counting extends MemoryLogStore {
  lowestRead = Number.POSITIVE_INFINITY;
  override async read(from: number, to: number) {
    this.lowestRead = Math.min(this.lowestRead, from);
    return super.read(from, to);
  }
}

/** A trail of some thousand entries with a checkpoint at every few hundred, closed. */
async function longTrail(bench: TrailBench): Promise<void> {
  const trail = await bench.open();
  for (let at = 0; at < 12; at += 1) {
    const bodies = Array.from({ length: 100 }, (_, call) => [
      decided(`call_${at}_${call}`),
      completed(`call_${at}_${call}`),
    ]);
    await record(trail, ...bodies.flat());
    await trail.publishCheckpoint();
  }
  await trail.close();
}

function spoil(bench: TrailBench, index: number): void {
  const entry = bench.state.entries[index];
  assert.ok(entry !== undefined);
  entry.leaf[20] = (entry.leaf[20] ?? 0) ^ 1;
}

function refusal(message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof OperatorError, String(error));
    assert.match(error.message, message);
    return true;
  };
}

describe("starting on a log whose head outside is missing", () => {
  it("is refused, whether checkpoints are stored or were removed too, and fences nobody", async (t) => {
    for (const checkpoints of ["stored", "removed"] as const) {
      const bench = trailBench(t);
      const running = await bench.open();
      await record(running, decided("call_1"), completed("call_1"));
      rmSync(bench.headFile);
      if (checkpoints === "removed") bench.state.checkpoints.length = 0;
      await assert.rejects(
        bench.open(),
        refusal(/checkpoint` is missing.*PORTCULLIS_ACCEPT_HEAD=4-[0-9a-f]{16}$/),
      );
      await record(running, decided("call_2"));
    }
  });

  it("is done when an operator names that very head, and the head is kept outside from then on", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(trail, decided("call_1"), completed("call_1"));
    await trail.close();
    rmSync(bench.headFile);
    const refused = await bench.open().then(
      () => "",
      (error: Error) => error.message,
    );
    const acceptedHead = refused.split("PORTCULLIS_ACCEPT_HEAD=")[1] ?? "";
    await assert.rejects(bench.open({ acceptedHead: `${acceptedHead}0` }), OperatorError);
    const accepted = await bench.open({ acceptedHead });
    assert.equal(accepted.outsideHead, "accepted");
    await accepted.close();
    assert.ok(existsSync(bench.headFile));
    rmSync(bench.headFile);
    await assert.rejects(bench.open({ acceptedHead }), OperatorError);
  });

  it("is done after a first start that was killed, or failed, before the head was there", async (t) => {
    const bench = trailBench(t);
    class Unsealed extends MemoryLogStore {
      override async setOpenFrom(): Promise<void> {
        throw diskFull;
      }
    }
    for (let start = 0; start < 3; start += 1)
      await assert.rejects(bench.open({ store: new Unsealed(bench.state) }), diskFull);
    assert.equal(existsSync(bench.headFile), false);
    const trail = await bench.open();
    assert.equal(trail.outsideHead, "missing");
    await trail.close();
    assert.equal((await bench.open()).outsideHead, "matched");
  });

  it("has the creation of the log stamped no later than its opening", async (t) => {
    const bench = trailBench(t);
    let now = bench.clock.time;
    await bench.open({
      clock: {
        now: () => {
          now += 1;
          return now;
        },
      },
    });
    const [created, opened] = leavesOf(bench.state);
    assert.deepEqual([created?.["type"], opened?.["type"]], ["log.created", "log.opened"]);
    assert.ok(String(created?.["time"]) <= String(opened?.["time"]));
    assert.ok(String(created?.["id"]) < String(opened?.["id"]));
  });
});

describe("starting on a log that was changed", () => {
  it("is refused where an entry is among those that it reads, below the last checkpoint too", async (t) => {
    const bench = trailBench(t);
    await longTrail(bench);
    const store = new Counting(bench.state);
    spoil(bench, 1_700);
    await assert.rejects(bench.open({ store }), refusal(/differ from .*checkpoint` at size 2403/));
    assert.equal(store.lowestRead, 1_402, "what lies below a kept checkpoint is for verification");
    spoil(bench, 1_700);
    await bench.open({ store: new Counting(bench.state) });
  });

  it("is refused where entries that it reads are missing or stand elsewhere", async (t) => {
    const bench = trailBench(t);
    await longTrail(bench);
    const { entries } = bench.state;
    const [taken] = entries.splice(1_900, 1);
    assert.ok(taken !== undefined);
    await assert.rejects(bench.open(), refusal(/entries from 2402 on are missing|differ from/));
    entries.splice(1_901, 0, taken);
    await assert.rejects(bench.open(), refusal(/differ from/));
  });

  it("hashes down from a kept checkpoint that is signed, and believes no other", async (t) => {
    const bench = trailBench(t);
    await longTrail(bench);
    bench.state.checkpoints = bench.state.checkpoints.map((kept) =>
      kept.size === 1_402 ? { ...kept, frontier: kept.frontier.toReversed() } : kept,
    );
    const store = new Counting(bench.state);
    await bench.open({ store });
    assert.equal(store.lowestRead, 1_202);
  });

  it("is refused where entries lie beyond the head, and where the head is none", async (t) => {
    const bench = trailBench(t);
    await (await bench.open()).close();
    const { head } = bench.state;
    bench.state.head = appendLeafHashes(
      emptyHead,
      bench.state.entries.slice(0, -1).map(({ leaf }) => leafHash(leaf)),
    );
    rmSync(bench.headFile);
    bench.state.checkpoints.length = 0;
    await assert.rejects(bench.open(), refusal(/an entry 2 beyond the head/));
    bench.state.head = { ...head, frontier: [] };
    await assert.rejects(bench.open(), refusal(/head in the data store is damaged/));
  });

  it("is refused where entries are left and the log has no name any more", async (t) => {
    const bench = trailBench(t);
    await (await bench.open()).close();
    const note = readFileSync(bench.headFile, "utf8");
    bench.state.identity = null;
    await assert.rejects(bench.open(), refusal(/holds no log, but .* 3 entries/));
    rmSync(bench.headFile);
    await assert.rejects(bench.open(), refusal(/3 entries and no longer says of which log/));
    writeFileSync(bench.headFile, note);
  });

  it("completes calls whatever number was put in place of where to look", async (t) => {
    for (const openFrom of [-5, 1_000_000]) {
      const bench = trailBench(t);
      await record(await bench.open(), decided("call_1"));
      bench.state.openFrom = openFrom;
      assert.deepEqual((await bench.open()).recovery.completed, ["call_1"]);
    }
  });
});

describe("starting on a log with an entry that cannot be read", () => {
  it("passes it over, says which, and goes on", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(trail, decided("call_1"));
    // As an earlier version wrote it: sealed, and longer than the schema holds.
    const encoded = encodeLeaf(decided("call_2"), { id: "x", time: "y", instance: "inst_1" });
    assert.ok(encoded.ok);
    const long = encoded.value.toString().replace('"demo/parrot"', `"demo/${"x".repeat(330)}"`);
    await new MemoryLogStore(bench.state).takeOver();
    bench.state.entries.push({ id: "x", leaf: Buffer.from(long), salt: null });
    bench.state.head = appendLeafHashes(bench.state.head, [leafHash(Buffer.from(long))]);
    const restarted = await bench.open();
    assert.deepEqual(restarted.recovery.completed, ["call_1"]);
    assert.deepEqual(
      bench.faults.map(({ during, error }) => [during, error.message.slice(0, 18)]),
      [["start", "entry 3 is no leaf"]],
    );
    await record(restarted, decided("call_3"), completed("call_3"));
    await restarted.close();
  });
});
