import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { RecordingChannel } from "../client.test-support.ts";
import { Heartbeat } from "./heartbeat.ts";

const times = { commitMs: 45_000, beatMs: 15_000 };
const naming = { id: "x", created: 7, model: "m" };

function beating(t: TestContext, framing: "json" | "sse", begun = false) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const client = new RecordingChannel();
  const open = (): void => client.open(200, {}, framing);
  if (begun) open();
  const beat = new Heartbeat({ client, framing, times, open, naming });
  return { client, beat, pass: (ms: number) => t.mock.timers.tick(ms) };
}

describe("the heartbeat", () => {
  test("says nothing for as long as a true status is possible, and then a space from time to time", (t) => {
    const { client, beat, pass } = beating(t, "json");
    pass(44_999);
    assert.equal(client.started, false);
    pass(1);
    assert.equal(client.text, " ");
    pass(14_999);
    assert.equal(client.text, " ");
    pass(1);
    pass(15_000);
    assert.equal(client.text, "   ");
    beat.stop();
    pass(60_000);
    assert.equal(client.text, "   ");
    assert.deepEqual(JSON.parse(`${client.text}{"a":1}`), { a: 1 });
  });

  test("of a stream is a comment and a chunk in turn, and no chunk is without a choice", (t) => {
    const { client, beat, pass } = beating(t, "sse");
    pass(45_000);
    for (let beats = 1; beats < 4; beats += 1) pass(15_000);
    beat.stop();
    const events = client.text.split("\n\n").slice(0, -1);
    assert.deepEqual([events[0], events[2]], [": waiting", ": waiting"]);
    for (const event of [events[1], events[3]]) {
      const chunk = JSON.parse(event?.replace(/^data: /, "") ?? "");
      assert.equal(chunk.object, "chat.completion.chunk");
      assert.equal(chunk.id, "x");
      assert.deepEqual(chunk.choices, [{ index: 0, delta: {}, finish_reason: null }]);
    }
  });

  test("of an answer that is open already begins at once with its own time", (t) => {
    const { client, beat, pass } = beating(t, "sse", true);
    pass(15_000);
    assert.equal(client.text, ": waiting\n\n");
    assert.deepEqual(client.violations, []);
    beat.stop();
  });

  test("says nothing any more to a client that is gone", (t) => {
    const { client, pass } = beating(t, "sse");
    client.leave();
    pass(120_000);
    assert.equal(client.started, false);
  });

  test("piles nothing up for a client that reads slowly, and goes on when it has read", async (t) => {
    const { client, beat, pass } = beating(t, "json");
    const read = Promise.withResolvers<void>();
    client.onWrite = () => read.promise;
    pass(45_000);
    pass(60_000);
    assert.equal(client.text, " ");
    read.resolve();
    await read.promise;
    await Promise.resolve();
    pass(15_000);
    assert.equal(client.text, "  ");
    beat.stop();
  });

  test("that was stopped while a slow client read does not begin again", async (t) => {
    const { client, beat, pass } = beating(t, "json");
    const read = Promise.withResolvers<void>();
    client.onWrite = () => read.promise;
    pass(45_000);
    beat.stop();
    read.resolve();
    await read.promise;
    await Promise.resolve();
    pass(60_000);
    assert.equal(client.text, " ");
  });
});
