import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { openTestGateway, type TestGateway } from "../gateway.test-support.ts";
import { proposals, secret } from "../proposal-fixtures.test-support.ts";
import type { CallLeaf } from "../record.test-support.ts";
import { askStream, catalog, toolCall, unlikeOthers } from "../requests.test-support.ts";
import { released, sentBy } from "../stream-fixtures.test-support.ts";
import { delta, done, event, streamOf } from "../upstream.test-support.ts";

let gateway: TestGateway;

before(async () => {
  gateway = await openTestGateway({ catalog });
});
after(() => gateway[Symbol.asyncDispose]());

/** What the client and the trail have of it, save what differs from call to call: ids, times and salted commitments. */
async function seen(chunks: readonly Buffer[]): Promise<unknown> {
  gateway.upstream().script = streamOf(chunks).script;
  const channel = await gateway.call(unlikeOthers(askStream()));
  assert.doesNotMatch(channel.everything, new RegExp(secret));
  const call = channel.headers["x-portcullis-call"] ?? "";
  const { "x-portcullis-overhead-ms": _overhead, ...headers } = channel.headers;
  const client = JSON.stringify([channel.status, channel.ending, headers, channel.text]);
  const entries = await gateway.entries(channel);
  const ids = /apr_[0-9a-f-]{36}|\[portcullis-resume:[^\]]+\]/g;
  return { client: client.replaceAll(call, "call").replace(ids, "id"), entries: entries.map(comparable) };
}

const differing = new Set([
  "id",
  "time",
  "call",
  "action",
  "request",
  "source_address",
  "arguments",
  "response",
  "total_ms",
  "first_byte_ms",
  "approval",
  "hold",
  "digest",
  "bytes",
  "expires",
]);

function comparable(leaf: CallLeaf): object {
  return Object.fromEntries(Object.entries(leaf).filter(([key]) => !differing.has(key)));
}

function cut(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const sorted = [...new Set([0, ...places.map((at) => at % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  );
  return sorted.flatMap((at, index) => {
    const end = sorted[index + 1];
    return end === undefined ? [] : [bytes.subarray(at, end)];
  });
}

async function sameHoweverCut(bytes: Buffer, places: readonly number[]): Promise<void> {
  const whole = await seen([bytes]);
  assert.deepEqual(await seen(cut(bytes, places)), whole);
}

const places = fc.array(fc.nat(4000), { minLength: 1, maxLength: 12 });
const lineEnd = fc.constantFrom("\n", "\r\n");

test("however a vendor's stream is cut into chunks, client and trail get the same", async () => {
  const fixture = fc.constantFrom(...proposals, ...released);
  await fc.assert(
    fc.asyncProperty(fixture, lineEnd, places, async (one, end, at) => {
      const text = sentBy(one).join("");
      await sameHoweverCut(Buffer.from(end === "\n" ? text : text.replace(/\r?\n/g, end)), at);
    }),
    { numRuns: 60 },
  );
});

test("cut into single bytes, every vendor's stream is what it was", async () => {
  for (const one of [...proposals, ...released]) {
    const bytes = Buffer.from(sentBy(one).join(""));
    const single = Array.from(bytes, (byte) => Buffer.of(byte));
    assert.deepEqual(await seen(single), await seen([bytes]), one.name);
  }
});

const index = fc.nat(2);
const name = fc.constantFrom("send_email", "get_weather", "notify", "rm_rf", undefined);
/** Of a write there is always something that must not get out; a read may be released, so it holds no secret. */
const argumentsOf = (tool: string | undefined): string =>
  tool === "get_weather" || tool === "notify" ? "{}" : `{"to":"${secret}"}`;

const anEvent = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({ index, text: fc.string({ maxLength: 8 }) })
      .map((one) => delta({ content: one.text }, null, one.index)),
  },
  {
    weight: 4,
    arbitrary: fc.record({ index, name, at: fc.option(fc.nat(2), { nil: undefined }) }).map((one) => {
      const call = {
        ...toolCall("", argumentsOf(one.name)),
        function: { name: one.name, arguments: argumentsOf(one.name) },
      };
      return delta({ tool_calls: [{ ...call, index: one.at }] }, null, one.index);
    }),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ index, reason: fc.constantFrom("stop", "tool_calls", "length") })
      .map((one) => delta({}, one.reason, one.index)),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(index, index).map(([one, other]) =>
      event({
        choices: [
          { index: one, delta: { content: "a" } },
          { index: other, delta: { function_call: { name: "send_email", arguments: secret } } },
        ],
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ": keep-alive\n\n",
      "data:\n\n",
      event({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } }),
      event({ error: { message: "overloaded" } }),
      "data: {oops\n\n",
      'data: {"a":1,"a":2}\n\n',
      done,
      "data: half an event",
    ),
  },
);

const ending = fc.constantFrom(done, done, delta({}, "stop") + done, "");

test("whatever events an upstream makes up, in whatever chunks, nothing held gets out and both get the same", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anEvent, { maxLength: 8 }),
      ending,
      lineEnd,
      places,
      async (events, last, end, at) => {
        await sameHoweverCut(Buffer.from([...events, last].join("").replaceAll("\n", end)), at);
      },
    ),
    { numRuns: 80 },
  );
});
