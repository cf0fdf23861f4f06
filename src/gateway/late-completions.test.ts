import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { EncodedEntry } from "../core/entry.ts";
import { openTestGateway } from "./gateway.test-support.ts";
import { LateCompletions } from "./late-completions.ts";
import { ask } from "./requests.test-support.ts";
import { completion, whole } from "./upstream.test-support.ts";

const second = 1000;

function entry(name: string | number): EncodedEntry {
  return { id: String(name), leaf: new Uint8Array(), salt: null };
}

/** A trail that takes entries only while it is `up`, and time that goes on when the test says so. */
function bench(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const trail = {
    up: true,
    tries: 0,
    /** Ids in the order in which they were taken. */
    taken: [] as string[],
    /** Awaited by each append before it succeeds or fails. */
    slow: Promise.resolve(),
    batches: [] as number[],
  };
  const late = new LateCompletions(async (entries) => {
    trail.tries += 1;
    trail.batches.push(entries.length);
    await trail.slow;
    if (!trail.up) throw new Error("no space left on the device");
    trail.taken.push(...entries.map((one) => one.id));
  });
  /** A retry is due; over when it has been made. */
  const due = async (): Promise<void> => {
    t.mock.timers.tick(second);
    // The promises that the retry consists of are done within a turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { trail, late, due };
}

test("what is given is tried again within a second, next to each other and once", async (t) => {
  const { trail, late, due } = bench(t);
  late.add([entry("action"), entry("completion")]);
  assert.deepEqual([trail.tries, late.size], [0, 2]);
  await due();
  assert.deepEqual([trail.taken, trail.batches, late.size], [["action", "completion"], [2], 0]);
  await due();
  assert.equal(trail.tries, 1, "with nothing left there is nothing to try");
});

test("it is tried until the trail can take it, in order, and never twice", async (t) => {
  const { trail, late, due } = bench(t);
  trail.up = false;
  late.add([entry("a")]);
  await due();
  late.add([entry("b")]);
  for (let tries = 0; tries < 3; tries += 1) await due();
  assert.deepEqual([trail.tries, trail.taken, late.size], [4, [], 2]);
  trail.up = true;
  await due();
  await due();
  assert.deepEqual([trail.tries, trail.taken, late.size], [5, ["a", "b"], 0]);
});

test("what is added while others are on their way is neither lost nor put before them", async (t) => {
  const { trail, late, due } = bench(t);
  for (const up of [false, true]) {
    trail.up = up;
    const slow = Promise.withResolvers<void>();
    trail.slow = slow.promise;
    late.add([entry(`early ${up}`)]);
    await due();
    late.add([entry(`late ${up}`)]);
    slow.resolve();
    await due();
  }
  await due();
  assert.deepEqual(trail.taken, ["early false", "late false", "early true", "late true"]);
});

test("flushing twice at once makes one append", async (t) => {
  const { trail, late } = bench(t);
  late.add([entry("a")]);
  await Promise.all([late.flush(), late.flush()]);
  assert.deepEqual([trail.tries, trail.taken], [1, ["a"]]);
});

test("at most ten thousand wait: beyond that the oldest are left to recovery", async (t) => {
  const { trail, late, due } = bench(t);
  trail.up = false;
  for (let name = 0; name < 10_500; name += 1) late.add([entry(name)]);
  assert.equal(late.size, 10_000);
  trail.up = true;
  for (let tries = 0; late.size > 0 && tries < 20; tries += 1) await due();
  assert.deepEqual(
    trail.taken,
    Array.from({ length: 10_000 }, (_, at) => String(at + 500)),
  );
  assert.ok(
    trail.batches.every((size) => size <= 1000),
    "no append is so large that calls wait for it",
  );
});

test("the entries of one call stay together: appended together, dropped together", async (t) => {
  const { trail, late, due } = bench(t);
  trail.up = false;
  late.add([entry("0 single")]);
  for (let call = 1; call <= 5001; call += 1)
    late.add([entry(`${call} action`), entry(`${call} completion`)]);
  late.add([entry("5002 single")]);
  trail.up = true;
  const left = late.size;
  for (let tries = 0; late.size > 0 && tries < 20; tries += 1) await due();
  assert.equal(trail.taken.length, left);
  const calls = trail.taken.map((id) => Number(id.split(" ")[0]));
  assert.deepEqual(
    [calls[0], calls[1], calls.at(-1)],
    [3, 3, 5002],
    "of the calls that were left to recovery nothing is appended",
  );
  let from = 0;
  for (const size of trail.batches) {
    assert.notEqual(calls[from], calls[from - 1], "no call is spread over two appends");
    from += size;
  }
});

test("closing tries everything that waits, also what came while a try was on its way", async (t) => {
  const { trail, late } = bench(t);
  const slow = Promise.withResolvers<void>();
  trail.slow = slow.promise;
  late.add([entry("a")]);
  const flushing = late.flush();
  for (let name = 0; name < 1500; name += 1) late.add([entry(name)]);
  const closed = late.close();
  slow.resolve();
  await Promise.all([flushing, closed]);
  assert.deepEqual([trail.taken.length, late.size], [1501, 0]);
});

test("closing tries once more and leaves no timer behind", async (t) => {
  const { trail, late, due } = bench(t);
  late.add([entry("a")]);
  await late.close();
  assert.deepEqual(trail.taken, ["a"]);
  trail.up = false;
  late.add([entry("b")]);
  await late.close();
  assert.deepEqual([trail.tries, late.size], [2, 1]);
  trail.up = true;
  await due();
  assert.equal(trail.tries, 2, "nobody tries after it was closed");
});

test("a call that could not be completed is completed once the trail can be written, and only once", async () => {
  await using gateway = await openTestGateway();
  gateway.upstream().script = () => whole(200, completion({ role: "assistant", content: "hi" }));
  gateway.control.failing = (entries) => entries.startsWith("completed");
  const channel = await gateway.call(ask());
  assert.equal(channel.status, 503);
  await gateway.parts.late.flush();
  assert.equal((await gateway.entries(channel)).length, 1);
  gateway.control.failing = () => false;
  await gateway.parts.late.flush();
  await gateway.parts.late.flush();
  assert.deepEqual(
    (await gateway.entries(channel)).map((leaf) => leaf.type),
    ["call.decided", "call.completed"],
  );
});
