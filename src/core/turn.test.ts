import assert from "node:assert/strict";
import { test } from "node:test";
import { mostInTurn, nextTurn } from "./turn.ts";

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

test("of thousands that ask at once no more go on together than fit into a turn, and others get theirs in between", async () => {
  let round = 0;
  let watching = true;
  const watch = (): void => {
    round += 1;
    if (watching) setImmediate(watch);
  };
  setImmediate(watch);
  const rounds: number[] = [];
  const callers = Array.from({ length: 3 * mostInTurn + 1 }, async (_, at) => {
    await nextTurn();
    rounds.push(round);
    // Who has had a turn stands behind those that have had none.
    if (at === 0) await nextTurn().then(() => rounds.push(round));
  });
  await Promise.all(callers);
  watching = false;
  const together = Map.groupBy(rounds, (one) => one);
  assert.deepEqual(
    [...together.values()].map(({ length }) => length),
    [mostInTurn, mostInTurn, mostInTurn, 2],
  );
  assert.deepEqual(
    rounds,
    rounds.toSorted((one, other) => one - other),
  );
});
