import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Hold } from "./approval.ts";
import { sampleApproval, sampleHold } from "./approval-samples.test-support.ts";
import { Waiting, type WaitOptions } from "./waiting.ts";

const pendingHold = sampleHold({ approvals: [sampleApproval({ expires_at: 10_000_000 })] });
const settledHold = sampleHold({ approvals: [sampleApproval({ state: "rejected" })] });
const long = 3_600_000;

/** A hold in a store whose clock a test moves. */
class Store {
  hold: Hold | null = pendingHold;
  now = 0;
  reads = 0;
  expired = 0;
  /** Runs within a read, behind it: what happens then is not in what was read. */
  afterRead: () => void = () => {};
  readonly waiting = new Waiting({
    read: async () => {
      this.reads += 1;
      const { hold } = this;
      this.afterRead();
      return hold;
    },
    expire: async () => {
      this.expired += 1;
      this.hold = sampleHold({ approvals: [sampleApproval({ state: "expired" })] });
    },
    now: async () => this.now,
  });

  wait(options: Partial<WaitOptions> = {}): Promise<string> {
    const { signal = new AbortController().signal, ms = long, canComeBack = () => false } = options;
    return this.waiting.wait("hold_1", { signal, ms, canComeBack });
  }

  /** Resolves once the waiter has looked so often. */
  async looked(times: number): Promise<void> {
    while (this.reads < times) await new Promise((resolve) => setImmediate(resolve));
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("whoever waits", () => {
  test("goes on at once with what is settled, also when gone, out of time or in a drain", async () => {
    const store = new Store();
    store.hold = settledHold;
    store.waiting.drain();
    assert.equal(await store.wait({ signal: AbortSignal.abort(), ms: 0 }), "settled");
  });

  test("finds out by the release what cannot be read", async () => {
    const store = new Store();
    store.hold = null;
    assert.equal(await store.wait(), "settled");
  });

  test("is told of its absence before the drain, and of the drain before its time", async () => {
    const store = new Store();
    assert.equal(await store.wait({ ms: 0 }), "time");
    store.waiting.drain();
    assert.equal(await store.wait({ ms: 0 }), "drain");
    assert.equal(await store.wait({ signal: AbortSignal.abort(), ms: 0 }), "aborted");
  });

  test("is woken when it is settled, when it leaves, and by a drain", async () => {
    for (const [end, happen] of [
      [
        "settled",
        (store: Store) => {
          store.hold = settledHold;
          store.waiting.wake("hold_1");
        },
      ],
      ["drain", (store: Store) => store.waiting.drain()],
      ["aborted", (_store: Store, gone: AbortController) => gone.abort()],
    ] as const) {
      const [store, gone] = [new Store(), new AbortController()];
      const waits = store.wait({ signal: gone.signal });
      await store.looked(1);
      happen(store, gone);
      assert.equal(await waits, end);
    }
  });

  test("misses nothing that happens while it looks", async () => {
    const store = new Store();
    store.afterRead = () => {
      store.afterRead = () => {};
      store.hold = settledHold;
      store.waiting.wake("hold_1");
    };
    assert.equal(await store.wait(), "settled");
    assert.equal(store.reads, 2);
  });

  test("looks again, and waits on, when it is woken for nothing", async () => {
    const store = new Store();
    const waits = store.wait();
    await store.looked(1);
    store.waiting.wake();
    await store.looked(2);
    store.waiting.wake("hold_of_another");
    await store.looked(2);
    assert.equal(store.reads, 2);
    assert.equal(store.waiting.count, 1);
    store.hold = settledHold;
    store.waiting.wake("hold_1");
    assert.equal(await waits, "settled");
  });

  test("ends what is due exactly at its instant by the store's clock, and nothing before it", async () => {
    const store = new Store();
    store.hold = sampleHold({ approvals: [sampleApproval({ expires_at: 2_000 })] });
    store.now = 1_999;
    const early = store.wait({ ms: 0 });
    assert.equal(await early, "time");
    assert.equal(store.expired, 0);
    store.now = 2_000;
    assert.equal(await store.wait({ ms: 0 }), "settled");
    assert.equal(store.expired, 1);
  });

  test("goes by its own time when everything waits for longer than a timer can", async () => {
    const store = new Store();
    store.hold = sampleHold({ approvals: [sampleApproval({ expires_at: Number.MAX_SAFE_INTEGER })] });
    const waits = store.wait({ ms: 2 ** 40 });
    await store.looked(1);
    // A timer that ran over would have looked again and again.
    assert.equal(store.reads, 1);
    store.waiting.drain();
    assert.equal(await waits, "drain");
  });

  test("is as many as wait, and is forgotten when it goes, whatever made it go", async () => {
    const [store, gone] = [new Store(), new AbortController()];
    const waits = [store.wait({ signal: gone.signal }), store.wait({ signal: gone.signal }), store.wait()];
    await store.looked(3);
    assert.equal(store.waiting.count, 3);
    assert.ok(store.waiting.isAttended("hold_1"));
    gone.abort();
    assert.deepEqual(await Promise.all(waits.slice(0, 2)), ["aborted", "aborted"]);
    assert.equal(store.waiting.count, 1);
    store.waiting.drain();
    await waits[2];
    assert.equal(store.waiting.isAttended("hold_1"), false);
  });

  test("makes room in its turn, the longest waiting first, and only while it can come back", async () => {
    const store = new Store();
    let canComeBack = true;
    const ends: string[] = [];
    const note = (name: string) => (end: string) => void ends.push(`${name} ${end}`);
    const waits = [
      store.wait().then(note("stays")),
      store.wait({ canComeBack: () => true }).then(note("first")),
      store.wait({ canComeBack: () => canComeBack }).then(note("second")),
    ];
    await store.looked(3);
    store.waiting.yieldOne();
    await waits[1];
    store.waiting.yieldOne();
    // Something is written to it before it has looked.
    canComeBack = false;
    await store.looked(5);
    store.waiting.yieldOne();
    assert.deepEqual(ends, ["first overload"]);
    assert.equal(store.waiting.count, 2);
    canComeBack = true;
    store.waiting.yieldOne();
    await waits[2];
    store.hold = settledHold;
    store.waiting.wake();
    await waits[0];
    assert.deepEqual(ends, ["first overload", "second overload", "stays settled"]);
  });

  test("goes on with what is settled, although it was to make room", async () => {
    const store = new Store();
    const waits = store.wait({ canComeBack: () => true });
    await store.looked(1);
    store.hold = settledHold;
    store.waiting.yieldOne();
    assert.equal(await waits, "settled");
  });

  test("is told when the store cannot be read, and is forgotten then too", async () => {
    const store = new Store();
    store.afterRead = () => {
      throw new Error("no store");
    };
    await assert.rejects(store.wait(), /no store/);
    assert.equal(store.waiting.count, 0);
  });
});
