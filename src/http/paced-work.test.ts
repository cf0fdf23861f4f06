import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { PacedWork } from "./paced-work.ts";

test("is done one piece after the other, in order, also behind one that fails", async () => {
  const work = new PacedWork(10);
  let running = 0;
  const done: number[] = [];
  const piece = (at: number) => async () => {
    running += 1;
    assert.equal(running, 1);
    await delay(2);
    running -= 1;
    done.push(at);
    if (at === 1) throw new Error("failed");
    return at;
  };
  const settled = await Promise.allSettled([0, 1, 2, 3].map((at) => work.run(piece(at))));
  assert.deepEqual(
    settled.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled", "fulfilled"],
  );
  assert.deepEqual(done, [0, 1, 2, 3]);
});

test("is put off while as much waits as may, and taken again afterwards", async () => {
  const work = new PacedWork(2);
  const gate = Promise.withResolvers<string>();
  const first = work.run(() => gate.promise);
  // The first has its turn then, and no longer waits for it.
  await delay(0);
  const waiting = [work.run(async () => "second"), work.run(async () => "third")];
  assert.equal(await work.run(() => assert.fail("it is not done")), null);
  gate.resolve("first");
  assert.deepEqual(await Promise.all([first, ...waiting]), ["first", "second", "third"]);
  assert.equal(await work.run(async () => "fourth"), "fourth");
});
