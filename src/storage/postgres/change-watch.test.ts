import assert from "node:assert/strict";
import { test } from "node:test";
import { ChangeWatch } from "./change-watch.ts";
import { noticeOf } from "./write-transaction.ts";

/** A watch that has looked at everything as of count 5, with what it has looked at since. */
async function watching() {
  const looks: (readonly string[] | null)[] = [];
  const state: { before: () => Promise<void> } = { before: async () => {} };
  const watch = new ChangeWatch(async (which) => {
    await state.before();
    looks.push(which);
  });
  await watch.catchUp(5);
  assert.deepEqual(looks.splice(0), [null]);
  return { watch, looks, state };
}

test("as long as every notice is heard only what they name is looked at", async () => {
  const { watch, looks } = await watching();
  assert.equal(watch.isTold({ count: 6, which: "hold_a" }), true);
  await watch.idle();
  await watch.catchUp(6);
  // A count that was read before the notice came.
  await watch.catchUp(5);
  assert.equal(watch.isTold({ count: 6, which: "hold_a" }), true);
  assert.deepEqual(looks, [["hold_a"]]);
});

test("what is told during a look is looked at once, together, and never at the same time", async () => {
  const { watch, looks, state } = await watching();
  const gate = Promise.withResolvers<void>();
  let [now, most] = [0, 0];
  state.before = async () => {
    now += 1;
    most = Math.max(most, now);
    await gate.promise;
    now -= 1;
  };
  watch.isTold({ count: 6, which: "hold_a" });
  for (const [at, which] of ["hold_b", "hold_c", "hold_b"].entries()) watch.isTold({ count: 7 + at, which });
  gate.resolve();
  await watch.idle();
  assert.deepEqual(looks, [["hold_a"], ["hold_b", "hold_c"]]);
  assert.equal(most, 1);
});

test("everything is looked at after a notice that was missed, or that names nothing", async () => {
  const { watch, looks } = await watching();
  assert.equal(watch.isTold({ count: 6, which: "hold_a" }), true);
  assert.equal(watch.isTold({ count: 8, which: "hold_c" }), false);
  await watch.idle();
  assert.deepEqual(looks, [["hold_a"]]);
  await watch.catchUp(8);
  assert.equal(watch.isTold({ count: 9, which: null }), true);
  await watch.idle();
  assert.deepEqual(looks, [["hold_a"], null, null]);
  await watch.catchUp(10);
  assert.deepEqual(looks, [["hold_a"], null, null, null], "what no notice names is looked at by its count");
});

test("a notice that is slower than the count is waited for until the next count, and no longer", async () => {
  const { watch, looks } = await watching();
  watch.isTold({ count: 6, which: "hold_a" });
  await watch.catchUp(7);
  assert.equal(watch.isTold({ count: 7, which: "hold_b" }), true);
  await watch.idle();
  await watch.catchUp(8);
  assert.deepEqual(looks, [["hold_a"], ["hold_b"]]);
  await watch.catchUp(8);
  assert.deepEqual(looks, [["hold_a"], ["hold_b"], null]);
});

test("what could not be looked at is looked at again, all of it", async () => {
  const { watch, looks, state } = await watching();
  state.before = () => Promise.reject(new Error("the database is away"));
  assert.equal(watch.isTold({ count: 6, which: "hold_a" }), true);
  await watch.idle();
  assert.equal(watch.isTold({ count: 7, which: "hold_b" }), false);
  await assert.rejects(watch.catchUp(7), /away/);
  state.before = async () => {};
  await watch.catchUp(7);
  assert.deepEqual(looks, [null]);
});

test("a notice is read as it is written, and nothing else is one", () => {
  assert.deepEqual(noticeOf("approvals 12 hold_1-a"), { what: "approvals", count: 12, which: "hold_1-a" });
  assert.deepEqual(noticeOf("keys 3"), { what: "keys", count: 3, which: null });
  for (const other of ["", "keys", "keys x", "keys 1 a b", "keys -1", `keys ${"9".repeat(16)}`])
    assert.equal(noticeOf(other), null, other);
});
