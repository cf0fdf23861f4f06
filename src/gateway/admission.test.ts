import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Refusal } from "../core/refusal.ts";
import type { Result } from "../core/result.ts";
import { Admission, type Leave } from "./admission.ts";

type Entered = ReturnType<Admission["enter"]>;

const overloaded: Refusal = { reason: "overloaded", retryAfterSeconds: 1 };
const draining: Refusal = { reason: "draining", retryAfterSeconds: 1 };

/** A slot that was given at once. */
function slot(entered: Entered): Leave {
  assert.ok(!(entered instanceof Promise) && entered.ok, "it gets a slot at once");
  return entered.value;
}

function queued(entered: Entered): Promise<Result<Leave, Refusal>> {
  assert.ok(entered instanceof Promise, "it has to wait");
  return entered;
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  // Everything that is settled already wins against a whole turn of the event loop.
  const turn = new Promise((resolve) => setImmediate(() => resolve(pending)));
  return (await Promise.race([promise, turn])) === pending;
}

test("as many calls as `concurrency` go on at once, and as many as `queue` wait; the next is told when to come back", () => {
  const admission = new Admission({ concurrency: 2, queue: 1 });
  slot(admission.enter(null));
  slot(admission.enter(null));
  void queued(admission.enter(null));
  assert.deepEqual(admission.enter(null), { ok: false, failure: overloaded });
  assert.equal(admission.active, 2);
});

test("without a queue nobody waits", () => {
  const admission = new Admission({ concurrency: 1, queue: 0 });
  slot(admission.enter(null));
  assert.deepEqual(admission.enter(null), { ok: false, failure: overloaded });
});

test("slots go to who has waited longest, and only when one is free", async () => {
  const admission = new Admission({ concurrency: 1, queue: 3 });
  const leave = slot(admission.enter(null));
  const order: string[] = [];
  const waiting = ["first", "second", "third"].map(async (name) => {
    const admitted = await queued(admission.enter(null));
    order.push(name);
    return admitted;
  });
  leave();
  const first = await waiting[0];
  assert.ok(first?.ok);
  assert.ok(await isPending(waiting[1] ?? Promise.resolve()));
  assert.deepEqual([order, admission.active], [["first"], 1]);
  first.value();
  const second = await waiting[1];
  assert.ok(second?.ok);
  second.value();
  await waiting[2];
  assert.deepEqual(order, ["first", "second", "third"]);
});

test("who arrives while others wait does not overtake them", async () => {
  const admission = new Admission({ concurrency: 1, queue: 2 });
  const leave = slot(admission.enter(null));
  const waits = queued(admission.enter(null));
  leave();
  // The slot was handed on within `leave`, so the newcomer finds none.
  const newcomer = queued(admission.enter(null));
  assert.ok((await waits).ok);
  assert.ok(await isPending(newcomer));
});

test("a slot is given back once, however often it is left", async () => {
  const admission = new Admission({ concurrency: 1, queue: 2 });
  const leave = slot(admission.enter(null));
  const first = queued(admission.enter(null));
  const second = queued(admission.enter(null));
  leave();
  leave();
  leave();
  assert.ok((await first).ok);
  assert.equal(admission.active, 1);
  assert.ok(await isPending(second));
});

test("who leaves while waiting gives its place in the queue to another and never gets a slot", async () => {
  const admission = new Admission({ concurrency: 1, queue: 2 });
  const leave = slot(admission.enter(null));
  const leaving = new AbortController();
  const gone = queued(admission.enter(leaving.signal));
  const stays = queued(admission.enter(null));
  assert.deepEqual(admission.enter(null), { ok: false, failure: overloaded });
  leaving.abort();
  assert.deepEqual(await gone, { ok: false, failure: { reason: "client_closed" } });
  void queued(admission.enter(null));
  leave();
  assert.ok((await stays).ok);
  assert.equal(admission.active, 1);
});

test("who is gone before waiting takes no place in the queue", async () => {
  const admission = new Admission({ concurrency: 1, queue: 1 });
  slot(admission.enter(null));
  const gone = await admission.enter(AbortSignal.abort());
  assert.deepEqual(gone, { ok: false, failure: { reason: "client_closed" } });
  void queued(admission.enter(null));
});

test("leaving after admission changes nothing: the slot is held until it is given back", async () => {
  const admission = new Admission({ concurrency: 1, queue: 1 });
  const leave = slot(admission.enter(null));
  const client = new AbortController();
  const admitted = queued(admission.enter(client.signal));
  leave();
  const second = await admitted;
  client.abort();
  assert.equal(admission.active, 1);
  assert.ok(second.ok);
  second.value();
  assert.equal(admission.active, 0);
});

test("a drain of an idle gateway is over at once", async () => {
  const admission = new Admission({ concurrency: 1, queue: 1 });
  await admission.drain();
  assert.ok(admission.draining);
  assert.deepEqual(admission.enter(null), { ok: false, failure: draining });
});

test("a drain refuses who waits and who comes, and is over when the last call has left", async () => {
  const admission = new Admission({ concurrency: 2, queue: 2 });
  const leaves = [slot(admission.enter(null)), slot(admission.enter(null))];
  const client = new AbortController();
  const waiting = [queued(admission.enter(null)), queued(admission.enter(client.signal))];
  const drains = [admission.drain(), admission.drain()];
  for (const waits of waiting) assert.deepEqual(await waits, { ok: false, failure: draining });
  assert.deepEqual(admission.enter(null), { ok: false, failure: draining });
  client.abort();
  leaves[0]?.();
  assert.equal(admission.active, 1);
  for (const drained of drains) assert.ok(await isPending(drained));
  leaves[1]?.();
  await Promise.all(drains);
  assert.equal(admission.active, 0);
});

test("whatever clients do, slots and places in the queue are never more than the limits, and none is lost", async () => {
  const limits = fc.record({
    concurrency: fc.integer({ min: 1, max: 4 }),
    queue: fc.integer({ min: 0, max: 4 }),
  });
  const step = fc.record({ act: fc.constantFrom("enter", "leave", "abort"), at: fc.nat(20) });
  await fc.assert(
    fc.asyncProperty(limits, fc.array(step, { maxLength: 60 }), async ({ concurrency, queue }, steps) => {
      const admission = new Admission({ concurrency, queue });
      /** What should be: who holds a slot and who waits, in order. */
      let holding: { readonly name: number; readonly leave: Leave }[] = [];
      let waiting: number[] = [];
      const clients: AbortController[] = [];
      for (const { act, at } of steps) {
        if (act === "enter") {
          const name = clients.length;
          const client = new AbortController();
          clients.push(client);
          const entered = admission.enter(client.signal);
          if (entered instanceof Promise) {
            assert.ok(holding.length === concurrency && waiting.length < queue);
            waiting.push(name);
            void entered.then((admitted) => {
              if (!admitted.ok) return;
              assert.equal(waiting.shift(), name, "who has waited longest is next");
              holding.push({ name, leave: admitted.value });
            });
          } else if (entered.ok) {
            assert.ok(holding.length < concurrency && waiting.length === 0);
            holding.push({ name, leave: entered.value });
          } else {
            assert.ok(holding.length === concurrency && waiting.length === queue);
          }
        } else if (act === "leave" && holding.length > 0) {
          const one = holding[at % holding.length];
          holding = holding.filter((other) => other !== one);
          one?.leave();
        } else if (act === "abort" && clients.length > 0) {
          const name = at % clients.length;
          clients[name]?.abort();
          waiting = waiting.filter((other) => other !== name);
        }
        await Promise.resolve();
        assert.equal(admission.active, holding.length);
      }
      while (holding.length > 0) {
        holding.pop()?.leave();
        await Promise.resolve();
      }
      assert.deepEqual([admission.active, waiting], [0, []], "everybody who waited was admitted");
    }),
  );
});

test("a call that waits for people lends its slot, goes on without asking, and keeps a drain waiting", async () => {
  const admission = new Admission({ concurrency: 1, queue: 1 });
  const resting = slot(admission.enter(null));
  const next = queued(admission.enter(null));
  resting.rest();
  const other = await next;
  assert.ok(other.ok);
  assert.deepEqual([admission.active, admission.resting], [1, 1]);
  resting.resume();
  assert.deepEqual([admission.active, admission.resting], [2, 0]);
  other.value();
  resting.rest();
  let drained = false;
  const drain = admission.drain().then(() => {
    drained = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(drained, false);
  resting();
  resting.resume();
  resting();
  await drain;
  assert.deepEqual([admission.active, admission.resting], [0, 0]);
});
