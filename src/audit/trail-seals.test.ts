import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { describe, it } from "node:test";
import type { LogHead } from "portcullis-verify/log/merkle-tree.ts";
import { appendLeafHashes, emptyHead, leafHash } from "portcullis-verify/log/merkle-tree.ts";
import { OperatorError } from "../core/operator-error.ts";
import { MemoryLogStore } from "./log-store.test-support.ts";
import { FencedError, LogUnavailableError } from "./log-store.ts";
import { completed, decided, record, type TrailBench, trailBench } from "./trail.test-support.ts";
import type { Trail } from "./trail.ts";

class Stoppable extends MemoryLogStore {
  stopped: string | null = null;
  override stop(why: string): void {
    super.stop(why);
    this.stopped ??= why;
  }
}

function treeOf(leaves: readonly Uint8Array[]): LogHead {
  return appendLeafHashes(
    emptyHead,
    leaves.map((leaf) => leafHash(leaf)),
  );
}

/** Leaves that a writer of the data store puts in place of those that are there. */
function rewrite(bench: TrailBench, from: number, count: number): void {
  bench.state.entries.length = from;
  for (let at = from; at < count; at += 1)
    bench.state.entries.push({ id: `forged ${at}`, leaf: Buffer.from(`{"forged":${at}}`), salt: null });
  bench.state.head = treeOf(bench.state.entries.map(({ leaf }) => leaf));
}

async function assertEnded(bench: TrailBench, trail: Trail, store: Stoppable): Promise<void> {
  const note = readFileSync(bench.headFile, "utf8");
  await assert.rejects(trail.publishCheckpoint(), /does not continue the tree of 4 entries/);
  assert.equal(readFileSync(bench.headFile, "utf8"), note);
  assert.equal(trail.available, false);
  await assert.rejects(record(trail, decided("call_9")), LogUnavailableError);
  await assert.rejects(trail.publishCheckpoint(), LogUnavailableError);
  assert.match(store.stopped ?? "", /does not continue/);
  assert.deepEqual(
    bench.faults.map(({ during, ends }) => [during, ends]),
    [["checkpoint", true]],
  );
}

describe("a running gateway whose data store is rewritten under it", () => {
  for (const [what, from, count] of [
    ["below what was signed, up to a larger power of two", 1, 8],
    ["below what was signed, to any other size", 1, 7],
    ["in what is not signed yet", 3, 4],
    ["to an earlier end", 1, 2],
  ] as const) {
    it(`signs nothing of it: ${what}`, async (t) => {
      const bench = trailBench(t);
      const store = new Stoppable(bench.state);
      const trail = await bench.open({ store });
      await record(trail, decided("call_1"), completed("call_1"));
      await trail.publishCheckpoint();
      rewrite(bench, from, count);
      await assertEnded(bench, trail, store);
      await trail.close();
    });
  }

  it("signs no head that entries appended since do not hash to", async (t) => {
    const bench = trailBench(t);
    const store = new Stoppable(bench.state);
    const trail = await bench.open({ store });
    await record(trail, decided("call_1"), completed("call_1"));
    await trail.publishCheckpoint();
    await record(trail, decided("call_2"));
    const last = bench.state.entries.at(-1);
    assert.ok(last !== undefined);
    last.leaf[5] = (last.leaf[5] ?? 0) ^ 1;
    await assertEnded(bench, trail, store);
  });

  it("signs on where nothing was changed, over many sizes", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    for (let call = 0; call < 20; call += 1) {
      await record(trail, decided(`call_${call}`), completed(`call_${call}`));
      const { size } = await trail.publishCheckpoint();
      assert.equal(size, 2 + 2 * (call + 1));
    }
    await trail.close();
    assert.deepEqual(bench.faults, []);
  });
});

describe("an instance that was taken over from", () => {
  it("leaves the head outside alone, and ends, though it has nothing to record", async (t) => {
    const bench = trailBench(t);
    class Fenced extends MemoryLogStore {
      #mine = 0;
      override async takeOver(): Promise<number> {
        this.#mine = await super.takeOver();
        return this.#mine;
      }
      override async setOpenFrom(index: number): Promise<void> {
        if (this.state.epoch !== this.#mine) throw new FencedError("another instance has taken over");
        await super.setOpenFrom(index);
      }
    }
    const idle = await bench.open({ store: new Fenced(bench.state) });
    const other = await bench.open({ store: new Fenced(bench.state), instance: "inst_2" });
    await record(other, decided("call_1"));
    const note = readFileSync(bench.headFile, "utf8");
    await assert.rejects(idle.publishCheckpoint(), FencedError);
    assert.equal(readFileSync(bench.headFile, "utf8"), note);
    assert.equal(idle.available, false);
    assert.deepEqual(
      bench.faults.map(({ during, ends }) => [during, ends]),
      [["checkpoint", true]],
    );
  });
});

/** Nothing can be created where the head file lies. */
function closeKeys(bench: TrailBench): () => void {
  const folder = dirname(bench.headFile);
  if (process.getuid?.() !== 0) {
    chmodSync(folder, 0o500);
    return () => chmodSync(folder, 0o700);
  }
  // The superuser is refused nothing, but a file does not replace a folder.
  const note = readFileSync(bench.headFile, "utf8");
  rmSync(bench.headFile);
  mkdirSync(bench.headFile);
  assert.ok(note.length > 0);
  return () => rmdirSync(bench.headFile);
}

describe("a gateway that cannot keep its checkpoints", () => {
  it("takes no more entries after five seconds, says so, and goes on when it can", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const bench = trailBench(t);
    let uptime = 0;
    const trail = await bench.open({ uptimeMs: () => uptime });
    const open = closeKeys(bench);
    await record(trail, decided("call_1"), completed("call_1"));
    await assert.rejects(trail.publishCheckpoint(), LogUnavailableError);
    uptime += 4_999;
    assert.equal(trail.available, true);
    await record(trail, decided("call_2"), completed("call_2"));
    uptime += 1;
    assert.equal(trail.available, false);
    await assert.rejects(record(trail, decided("call_3")), /no checkpoint could be signed and kept for 5 s/);
    const size = bench.state.entries.length;
    trail.startCheckpoints(1);
    t.mock.timers.tick(1);
    assert.match(bench.faults.at(-1)?.error.message ?? "", /no checkpoint .*checkpoint` cannot be written/);

    open();
    await trail.publishCheckpoint();
    assert.equal(trail.available, true);
    assert.equal(bench.state.checkpoints.at(-1)?.size, size);
    await record(trail, decided("call_3"), completed("call_3"));
    await trail.close();
  });

  it("tries again at every tick, and says each trouble once", async (t) => {
    const bench = trailBench(t);
    const tried = new EventTarget();
    class Failing extends MemoryLogStore {
      failing = false;
      override async putCheckpoint(
        checkpoint: Parameters<MemoryLogStore["putCheckpoint"]>[0],
      ): Promise<void> {
        tried.dispatchEvent(new Event("put"));
        if (this.failing) throw new LogUnavailableError("no space left on the device");
        await super.putCheckpoint(checkpoint);
      }
    }
    const store = new Failing(bench.state);
    const trail = await bench.open({ store });
    await record(trail, decided("call_1"), completed("call_1"));
    store.failing = true;
    trail.startCheckpoints(1);
    for (let tries = 0; tries < 3; tries += 1) await once(tried, "put");
    assert.deepEqual(
      bench.faults.map(({ error }) => error.message),
      ["no space left on the device"],
    );
    store.failing = false;
    await once(tried, "put");
    await trail.close();
    assert.equal(bench.state.checkpoints.at(-1)?.size, 5);
  });

  it("says once that the file cannot be written, though each try has a file of its own", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(trail, decided("call_1"), completed("call_1"));
    const open = closeKeys(bench);
    trail.startCheckpoints(1);
    for (let tries = 0; tries < 3; tries += 1) {
      t.mock.timers.tick(1);
      // One behind the tick's own, and so over when that is.
      await assert.rejects(trail.publishCheckpoint(), LogUnavailableError);
    }
    assert.equal(bench.faults.length, 1);
    open();
    await trail.close();
  });

  it("takes no more entries while a try hangs", async (t) => {
    const bench = trailBench(t);
    let uptime = 0;
    const hanging = Promise.withResolvers<void>();
    class Hanging extends MemoryLogStore {
      hangs = false;
      override async putCheckpoint(
        checkpoint: Parameters<MemoryLogStore["putCheckpoint"]>[0],
      ): Promise<void> {
        if (this.hangs) await hanging.promise;
        await super.putCheckpoint(checkpoint);
      }
    }
    const store = new Hanging(bench.state);
    const trail = await bench.open({ store, uptimeMs: () => uptime });
    await record(trail, decided("call_1"));
    store.hangs = true;
    const published = trail.publishCheckpoint();
    uptime += 5_000;
    assert.equal(trail.available, false);
    hanging.resolve();
    await published;
    assert.equal(trail.available, true);
  });

  it("does not start", async (t) => {
    const bench = trailBench(t);
    mkdirSync(bench.headFile);
    await assert.rejects(bench.open(), (error) => {
      assert.ok(error instanceof LogUnavailableError || error instanceof OperatorError);
      return /checkpoint` cannot be (?:read|written)/.test(error.message);
    });
  });
});
