import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import { openCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { appendLeafHashes, emptyHead, leafHash, rootOf } from "portcullis-verify/log/merkle-tree.ts";
import { noteSigner } from "portcullis-verify/log/signed-note.ts";
import { OperatorError } from "../core/operator-error.ts";
import { diskFull, MemoryLogStore, newLogState } from "./log-store.test-support.ts";
import { FencedError, LogUnavailableError } from "./log-store.ts";
import { completed, decided, leavesOf, record, testSigner, trailBench } from "./trail.test-support.ts";
import { LeafTooLargeError } from "./trail-entry.ts";

describe("opening the trail", () => {
  it("creates the log once, and continues it under the next epoch", async (t) => {
    const bench = trailBench(t);
    const first = await bench.open();
    assert.equal(first.outsideHead, "missing");
    await first.close();
    const second = await bench.open({ instance: "inst_2" });
    assert.equal(second.outsideHead, "matched");
    assert.equal(second.epoch, 2);
    assert.deepEqual(
      leavesOf(bench.state).map((leaf) => [leaf["type"], leaf["epoch"], leaf["instance"]]),
      [
        ["log.created", undefined, "inst_1"],
        ["log.opened", 1, "inst_1"],
        ["log.closed", 1, "inst_1"],
        ["log.opened", 2, "inst_2"],
      ],
    );
    assert.deepEqual(bench.state.identity, { origin: "gate.example/log", vkey: testSigner.vkey });
  });

  it("finishes a creation that was killed before its first entry", async (t) => {
    const bench = trailBench(t);
    bench.state.identity = { origin: testSigner.name, vkey: testSigner.vkey };
    await bench.open();
    assert.equal(leavesOf(bench.state)[0]?.["type"], "log.created");
  });

  it("refuses a store with another log's name, before it fences the writer that owns it", async (t) => {
    const bench = trailBench(t);
    const running = await bench.open();
    const signer = noteSigner("gate.example/log", Buffer.alloc(32, 8));
    rmSync(bench.headFile);
    await assert.rejects(bench.open({ signer }), OperatorError);
    await record(running, decided("call_1"));
  });

  it("refuses a store that is older than the head kept outside", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    const copy = structuredClone(bench.state);
    await record(trail, decided("call_1"), completed("call_1"));
    await trail.close();
    await assert.rejects(bench.open({ store: new MemoryLogStore(copy) }), /older than .*checkpoint/);
    await assert.rejects(bench.open({ store: new MemoryLogStore(newLogState()) }), /holds no log/);
    await bench.open();
  });

  it("refuses a store that went another way than the head kept outside", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    const copy = structuredClone(bench.state);
    await record(trail, decided("call_1"), completed("call_1"));
    await trail.close();
    const outside = readFileSync(bench.headFile, "utf8");
    rmSync(bench.headFile);
    const { head } = copy;
    const acceptedHead = `${head.size}-${Buffer.from(rootOf(head)).toString("hex", 0, 8)}`;
    const fork = await bench.open({ store: new MemoryLogStore(copy), acceptedHead });
    await record(fork, decided("call_2"), completed("call_2"), decided("call_3"), completed("call_3"));
    await fork.close();
    writeFileSync(bench.headFile, outside);
    await assert.rejects(bench.open({ store: new MemoryLogStore(copy) }), /differ from .*checkpoint/);
  });

  it("refuses entries that do not hash to the stored head, and a damaged checkpoint", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(trail, decided("call_1"), completed("call_1"));
    const tampered = structuredClone(bench.state);
    const victim = tampered.entries[3];
    assert.ok(victim);
    victim.leaf[10] = (victim.leaf[10] ?? 0) ^ 1;
    await assert.rejects(
      bench.open({ store: new MemoryLogStore(tampered) }),
      /differ from the stored head at size 4/,
    );

    const missing = structuredClone(bench.state);
    missing.entries.length = 3;
    await assert.rejects(bench.open({ store: new MemoryLogStore(missing) }), /entries from 3 on are missing/);

    const forged = structuredClone(bench.state);
    forged.checkpoints = forged.checkpoints.map((one) => ({
      ...one,
      note: one.note.replace("\n2\n", "\n3\n"),
    }));
    await assert.rejects(
      bench.open({ store: new MemoryLogStore(forged) }),
      /signature of `gate\.example\/log` is wrong/,
    );
  });

  it("accepts a head outside that is behind or ahead of the store's last checkpoint, as a crash leaves it", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    const older = readFileSync(bench.headFile, "utf8");
    await record(trail, decided("call_1"), completed("call_1"));
    await trail.publishCheckpoint();
    const newer = readFileSync(bench.headFile, "utf8");
    writeFileSync(bench.headFile, older);
    await bench.open();
    bench.state.checkpoints.splice(1);
    writeFileSync(bench.headFile, newer);
    await bench.open();
  });

  it("never stamps a time earlier than the last entry's, even when the clock was set back", async (t) => {
    const bench = trailBench(t);
    await (await bench.open()).close();
    bench.clock.time -= 30_000;
    const trail = await bench.open();
    assert.equal(trail.clockBehindMs, 30_000);
    const times = leavesOf(bench.state).map((leaf) => leaf["time"]);
    assert.deepEqual(new Set(times), new Set(["2026-11-23T00:00:00.000Z"]));
    bench.clock.time += 60_000;
    await record(trail, decided("call_1"));
    assert.equal(leavesOf(bench.state).at(-1)?.["time"], "2026-11-23T00:00:30.000Z");
  });
});

describe("the trail", () => {
  it("keeps the salt with the entry it belongs to", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    const salt = trail.newSalt("sub_1");
    await trail.append([trail.encode(decided("call_1"), salt)]);
    assert.deepEqual(bench.state.entries.at(-1)?.salt, salt);
  });

  it("refuses an entry that does not fit, and entries that it did not encode", async (t) => {
    const trail = await trailBench(t).open();
    const tools = Array.from({ length: 9_000 }, (_, index) => `tool_${index}`);
    assert.throws(() => trail.encode(decided("call_1", { facts: { tools } }), null), LeafTooLargeError);
    const foreign = { id: "x", leaf: Buffer.from("{}"), salt: null };
    await assert.rejects(trail.append([foreign]), TypeError);
  });

  it("signs what is durable, outside the store first, and nothing twice", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(trail, decided("call_1"));
    const checkpoint = await trail.publishCheckpoint();
    assert.equal(await trail.publishCheckpoint(), checkpoint);
    assert.equal(readFileSync(bench.headFile, "utf8"), checkpoint.note);
    const head = appendLeafHashes(
      emptyHead,
      bench.state.entries.map((entry) => leafHash(entry.leaf)),
    );
    assert.deepEqual(openCheckpoint(checkpoint.note, testSigner), {
      ok: true,
      value: { origin: "gate.example/log", size: 3, root: rootOf(head) },
    });
    assert.equal(bench.state.checkpoints.length, 2);
  });

  it("publishes by itself once started, and records its end once", async (t) => {
    const bench = trailBench(t);
    const published = new EventTarget();
    class Watched extends MemoryLogStore {
      override async putCheckpoint(
        checkpoint: Parameters<MemoryLogStore["putCheckpoint"]>[0],
      ): Promise<void> {
        await super.putCheckpoint(checkpoint);
        published.dispatchEvent(new Event("checkpoint"));
      }
    }
    const trail = await bench.open({ store: new Watched(bench.state) });
    trail.startCheckpoints(5);
    const next = once(published, "checkpoint");
    await record(trail, decided("call_1"), completed("call_1"));
    await next;
    assert.equal(bench.state.checkpoints.at(-1)?.size, 4);
    await Promise.all([trail.close(), trail.close()]);
    assert.equal(leavesOf(bench.state).filter((leaf) => leaf["type"] === "log.closed").length, 1);
    assert.equal(bench.state.checkpoints.at(-1)?.size, 5);
    await assert.rejects(record(trail, decided("call_2")), LogUnavailableError);
    assert.deepEqual(bench.faults, []);
  });

  it("refuses for good once another instance has taken over", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    await bench.open({ instance: "inst_2" });
    await assert.rejects(record(trail, decided("call_1")), FencedError);
    await assert.rejects(record(trail, decided("call_1")), LogUnavailableError);
    assert.equal(trail.available, false);
    const size = bench.state.entries.length;
    await trail.close();
    assert.equal(bench.state.entries.length, size);
    assert.deepEqual(
      bench.faults.map((fault) => fault.during),
      ["append"],
    );
  });

  it("is unavailable after a failed append until a write works again, without anybody trying", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const bench = trailBench(t);
    const written = new EventTarget();
    class Watched extends MemoryLogStore {
      override async setOpenFrom(index: number): Promise<void> {
        await super.setOpenFrom(index);
        written.dispatchEvent(new Event("open-from"));
      }
    }
    const trail = await bench.open({ store: new Watched(bench.state) });
    bench.state.fault = diskFull;
    await assert.rejects(record(trail, decided("call_1")), diskFull);
    assert.equal(trail.available, false);
    bench.state.fault = null;
    trail.startCheckpoints(1);
    const wrote = once(written, "open-from");
    t.mock.timers.tick(1);
    await wrote;
    // What the trail makes of its write is done within the same turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(trail.available, true);
    await record(trail, decided("call_1"), completed("call_1"));
    await trail.close();
  });

  it("neither signs nor records anything more when the stored tree went back or aside", async (t) => {
    for (const change of ["back", "aside"] as const) {
      const bench = trailBench(t);
      const trail = await bench.open();
      const before = bench.state.head;
      await record(trail, decided("call_1"));
      await trail.publishCheckpoint();
      const other = appendLeafHashes(before, [leafHash(Buffer.from("another leaf"))]);
      bench.state.head = change === "back" ? before : other;
      const note = readFileSync(bench.headFile, "utf8");
      await assert.rejects(trail.publishCheckpoint(), /does not continue the tree of 3 entries/);
      assert.equal(readFileSync(bench.headFile, "utf8"), note);
      await assert.rejects(record(trail, completed("call_1")), LogUnavailableError);
    }
  });
});

describe("open calls", () => {
  it("hold `openFrom` back until their completion is durable", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(trail, decided("call_1"));
    await record(trail, decided("call_2"), completed("call_2"));
    await trail.publishCheckpoint();
    assert.equal(bench.state.openFrom, 2);
    await record(trail, completed("call_1"));
    await record(trail, decided("call_3"));
    await trail.publishCheckpoint();
    assert.equal(bench.state.openFrom, 6);
  });

  it("hold it back while an append may have landed without our knowing", async (t) => {
    const bench = trailBench(t);
    const landed = Promise.withResolvers<void>();
    class SlowToTell extends MemoryLogStore {
      slow = false;
      override async append(entries: Parameters<MemoryLogStore["append"]>[0]) {
        const receipt = await super.append(entries);
        if (this.slow) await landed.promise;
        return receipt;
      }
    }
    const store = new SlowToTell(bench.state);
    const trail = await bench.open({ store });
    store.slow = true;
    const append = record(trail, decided("call_1"), leafSamples["config.activated"]);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(bench.state.entries.length, 4);
    await trail.publishCheckpoint();
    assert.equal(bench.state.openFrom, 2);
    landed.resolve();
    await append;
  });
});
