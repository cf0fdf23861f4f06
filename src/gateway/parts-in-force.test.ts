import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openTestGateway, type TestGateway } from "./gateway.test-support.ts";
import type { GatewayParts } from "./parts.ts";
import { PartsInForce } from "./parts-in-force.ts";

let gateway: TestGateway;

before(async () => {
  gateway = await openTestGateway();
});
after(() => gateway[Symbol.asyncDispose]());

/** Parts like the gateway's, told apart by their limits. */
function parts(response: number): GatewayParts {
  return { ...gateway.parts, limits: { ...gateway.parts.limits, response } };
}

/** A call that works until it is ended, and with what. */
function running(inForce: PartsInForce) {
  const end = Promise.withResolvers<void>();
  const seen: GatewayParts[] = [];
  const done = inForce.use(async (given) => {
    seen.push(given);
    await end.promise;
  });
  return { seen, done, end };
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  const turn = new Promise((resolve) => setImmediate(() => resolve(pending)));
  return (await Promise.race([promise, turn])) === pending;
}

test("a call works to its end with the parts it began with, and the next with those in force then", async () => {
  const [old, next] = [parts(1), parts(2)];
  const inForce = new PartsInForce(old);
  const early = running(inForce);
  const unused = inForce.replace(next);
  const late = running(inForce);
  assert.deepEqual([early.seen, late.seen], [[old], [next]]);
  assert.equal(inForce.current, next);
  early.end.resolve();
  late.end.resolve();
  await Promise.all([early.done, late.done, unused]);
});

test("parts are unused once the last call that began with them has ended, however it ended", async () => {
  const inForce = new PartsInForce(parts(1));
  const calls = [running(inForce), running(inForce), running(inForce)];
  const unused = inForce.replace(parts(2));
  const later = running(inForce);
  calls[0]?.end.resolve();
  calls[1]?.end.reject(new Error("a bug"));
  await assert.rejects(async () => calls[1]?.done, /a bug/);
  assert.ok(await isPending(unused));
  calls[2]?.end.resolve();
  await unused;
  assert.ok(await isPending(later.done), "calls of the parts in force do not matter");
  later.end.resolve();
  await later.done;
});

test("parts that no call works with are unused at once, and the same parts are no replacement", async () => {
  const first = parts(1);
  const inForce = new PartsInForce(first);
  const call = running(inForce);
  await inForce.replace(first);
  assert.equal(inForce.current, first);
  call.end.resolve();
  await call.done;
  await inForce.replace(parts(2));
});

test("replaced again and again, each set is told of when its own calls have ended", async () => {
  const inForce = new PartsInForce(parts(0));
  const calls = [];
  const unused = [];
  for (let at = 1; at <= 3; at += 1) {
    calls.push(running(inForce));
    unused.push(inForce.replace(parts(at)));
  }
  calls[1]?.end.resolve();
  await unused[1];
  assert.ok(
    (await isPending(unused[0] ?? Promise.resolve())) && (await isPending(unused[2] ?? Promise.resolve())),
  );
  calls[0]?.end.resolve();
  calls[2]?.end.resolve();
  await Promise.all(unused);
});
