// Streams as vendors send them, with what must become of each event: the pieces, and the streams that are released.

import { delta, done, event } from "./upstream.test-support.ts";

/** `flows`: to the client at once. `held`: kept until the end. `dropped`: never sent. `breaks`: ends the stream as a failure. */
export type Fate = "flows" | "held" | "dropped" | "breaks";

/** What becomes of an event, its bytes, and what is written in its place where that is not the same. */
export type FixtureEvent = readonly [fate: Fate, sent: string, written?: string];

export interface StreamFixture {
  readonly name: string;
  readonly events: readonly FixtureEvent[];
}

export function sentBy({ events }: StreamFixture): readonly string[] {
  return events.map(([, sent]) => sent);
}

/** What is written of the events with this fate. */
export function writtenOf({ events }: StreamFixture, fate: Fate): readonly string[] {
  return events.flatMap(([found, sent, written = sent]) => (found === fate ? [written] : []));
}

export const flows = (sent: string, written = sent): FixtureEvent => ["flows", sent, written];
export const held = (sent: string, written = sent): FixtureEvent => ["held", sent, written];
export const dropped = (sent: string, written = sent): FixtureEvent => ["dropped", sent, written];
export const breaks = (sent: string, written = sent): FixtureEvent => ["breaks", sent, written];

export const role = flows(delta({ role: "assistant", content: "" }));
export const hello = flows(delta({ content: "Hello" }));
export const closing = held(done);

export const calls = (...tool_calls: readonly object[]): object => ({ tool_calls });
export const begun = (name: string, args = "", id = "call_a"): object => ({
  id,
  type: "function",
  function: { name, arguments: args },
});
export const part = (args: string): object => ({ index: 0, function: { arguments: args } });
export const finished = held(delta({}, "tool_calls"));
export const chunk = (choices: readonly object[], more: object = {}): string =>
  event({ id: "x", model: "m-2026", choices, ...more });
export const usage = { prompt_tokens: 9, completion_tokens: 4 };

/** What an event without data is written as. */
export const keepAlive = ": keep-alive\n\n";
const emoji = JSON.stringify({ choices: [{ index: 0, delta: { content: "é😀" } }] });

/** Streams of which the client gets every byte: what flows as it comes, then what was held, in order. */
export const released: readonly StreamFixture[] = [
  { name: "text alone", events: [role, hello, held(delta({}, "stop")), closing] },
  {
    name: "text with its finish reason in one chunk",
    events: [hello, held(delta({ content: "!" }, "stop")), closing],
  },
  { name: "text without [DONE]", events: [role, hello, held(delta({}, "stop"))] },
  { name: "text cut off by its length", events: [hello, held(delta({}, "length")), closing] },
  {
    name: "a pinned read, as OpenAI sends it",
    events: [
      role,
      hello,
      held(delta(calls({ index: 0, ...begun("get_weather") }))),
      held(delta(calls(part('{"to":"Berlin"}')))),
      finished,
      held(chunk([], { usage })),
      closing,
    ],
  },
  {
    name: "an unattended write and a read, whose parts are interleaved",
    events: [
      held(
        delta(calls({ index: 0, ...begun("notify") }, { index: 1, ...begun("get_weather", "", "call_b") })),
      ),
      held(delta(calls({ index: 1, function: { arguments: "{}" } }))),
      held(delta(calls(part("{}")))),
      finished,
      closing,
    ],
  },
  {
    name: "two answers of which one calls a read",
    events: [
      flows(delta({ content: "Other" }, null, 1)),
      held(delta({ function_call: { name: "get_weather", arguments: "{}" } })),
      held(delta({}, "function_call")),
      flows(delta({ content: "." }, null, 1)),
      held(delta({}, "stop", 1)),
      closing,
    ],
  },
  {
    name: "carriage returns, a byte order mark, comments and a retry field",
    events: [
      flows("\ufeff: hi\r\n\r\n", keepAlive),
      flows("retry: 10\r\n\r\n", keepAlive),
      flows(`data:${emoji}\r\n\r\n`, `data: ${emoji}\n\n`),
      held(delta({}, "stop")),
      held("data:[DONE]\r\n\r\n", done),
    ],
  },
  {
    name: "line ends of which only some readers know",
    events: [
      flows(
        'data: {"choices":[{"index":0,"delta":{"content":"a\u2028\u0085"}}]}\n\n',
        'data: {"choices":[{"index":0,"delta":{"content":"a\\u2028\\u0085"}}]}\n\n',
      ),
      flows(`: x\u2028${delta({ content: "no" })}`, keepAlive),
      flows(`id: 1\u0085data: no\nevent: x\n${delta({ content: "b" })}`, delta({ content: "b" })),
      held(delta({}, "stop")),
      closing,
    ],
  },
  {
    name: "an empty finish reason in every chunk but the last",
    events: [
      flows(delta({ content: "a" }, "")),
      flows(delta({ content: "b" }, "")),
      held(delta({}, "stop")),
      closing,
    ],
  },
  {
    name: "[DONE] twice and events after it",
    events: [hello, held(delta({}, "stop")), closing, dropped(hello[1]), dropped(done), dropped(": bye\n\n")],
  },
];
