import assert from "node:assert/strict";
import { test } from "node:test";
import { nextTurn } from "./turn.ts";

test("all who ask before the next turn go on together, in their order, and who asks then waits for the one after", async () => {
  const order: string[] = [];
  const caller = async (name: string): Promise<void> => {
    await nextTurn();
    order.push(name);
    await nextTurn();
    order.push(`${name} again`);
  };
  const calls = [caller("a"), caller("b")];
  await Promise.resolve().then(() => calls.push(caller("c")));
  assert.deepEqual(order, []);
  await nextTurn();
  assert.deepEqual(order, ["a", "b", "c"]);
  await Promise.all(calls);
  assert.deepEqual(order, ["a", "b", "c", "a again", "b again", "c again"]);
});
