// Streams in which the model proposes what may not be released, in every odd shape that vendors give it: whatever holds
// `secret` must not reach the client.

import {
  begun as begunWith,
  breaks,
  calls,
  chunk,
  closing,
  dropped,
  type FixtureEvent,
  finished,
  flows,
  held,
  hello,
  keepAlive,
  part,
  role,
  type StreamFixture,
  usage,
} from "./stream-fixtures.test-support.ts";
import { delta, done, event } from "./upstream.test-support.ts";

export interface ProposalFixture extends StreamFixture {
  readonly outcome: "withheld" | "upstream_invalid" | "upstream_error";
}

/** Stands in all that must not get out. */
export const secret = "zq7";

const begun = (name: string, args = "", id = `call_${secret}`): object => begunWith(name, args, id);
const mail = `{"to":"${secret}"}`;

/** The call as OpenAI sends it: its name, then its arguments in two parts. */
const openAiCall = [
  held(delta(calls({ index: 0, ...begun("send_email") }))),
  held(delta(calls(part('{"to":')))),
  held(delta(calls(part(`"${secret}"}`)))),
];
function withheld(name: string, ...events: readonly FixtureEvent[]): ProposalFixture {
  return { name, events, outcome: "withheld" };
}

const overLines = `data: {"choices":[{"index":0,\ndata: "delta":${JSON.stringify(calls(begun("send_email", mail)))}}]}\n\n`;

export const proposals: readonly ProposalFixture[] = [
  withheld("a call as OpenAI sends it", role, hello, ...openAiCall, finished, closing),
  withheld(
    "the whole call in the first event",
    held(delta(calls({ index: 0, ...begun("send_email", mail) }), "tool_calls")),
    closing,
  ),
  withheld("a call without an index", role, held(delta(calls(begun("send_email", mail)))), finished, closing),
  withheld(
    "a call with a null index",
    held(delta(calls({ index: null, ...begun("send_email", mail) }))),
    finished,
    closing,
  ),
  withheld(
    "a name that is repeated with each part",
    held(delta(calls({ index: 0, ...begun("send_email", '{"to":') }))),
    held(delta(calls({ index: 0, ...begun("send_email", `"${secret}"}`) }))),
    finished,
    closing,
  ),
  withheld(
    "a name that grows",
    held(delta(calls({ index: 0, ...begun("send") }))),
    held(delta(calls({ index: 0, ...begun("send_email", mail) }))),
    finished,
    closing,
  ),
  withheld(
    "a whole `message` in a chunk",
    held(
      chunk([
        {
          index: 0,
          message: { role: "assistant", ...calls(begun("send_email", mail)) },
          finish_reason: "tool_calls",
        },
      ]),
    ),
    closing,
  ),
  withheld(
    "a `message` beside a null `delta`",
    held(
      chunk([{ index: 0, delta: null, message: calls(begun("send_email", mail)), finish_reason: "stop" }]),
    ),
    closing,
  ),
  withheld(
    "the legacy `function_call`",
    role,
    held(delta({ function_call: { name: "send_email", arguments: "" } })),
    held(delta({ function_call: { arguments: mail } })),
    held(delta({}, "function_call")),
    closing,
  ),
  withheld(
    "a custom tool",
    held(
      delta(
        calls({ index: 0, id: `c_${secret}`, type: "custom", custom: { name: "run_sql", input: secret } }),
      ),
    ),
    finished,
    closing,
  ),
  withheld(
    "tool deltas and content in one chunk, and content after them",
    hello,
    held(delta({ content: secret, ...calls({ index: 0, ...begun("send_email", mail) }) })),
    held(delta({ content: secret })),
    finished,
    closing,
  ),
  withheld(
    "two answers of which one proposes a call",
    hello,
    flows(delta({ content: "Other" }, null, 1)),
    ...openAiCall,
    flows(delta({ content: " answer" }, null, 1)),
    held(delta({}, "stop", 1)),
    finished,
    closing,
  ),
  withheld(
    "an event that holds several choices, one of them with a call",
    held(
      chunk([
        { index: 1, delta: { content: "Other" } },
        { index: 0, delta: calls({ index: 0, ...begun("send_email", mail) }) },
      ]),
    ),
    held(delta({ content: " answer" }, null, 1)),
    held(
      chunk([
        { index: 0, delta: {}, finish_reason: "tool_calls" },
        { index: 1, delta: {}, finish_reason: "stop" },
      ]),
    ),
    closing,
  ),
  withheld(
    "an event that holds the same choice twice",
    held(
      chunk([
        { index: 0, delta: { content: secret } },
        { index: 0, delta: calls({ index: 0, ...begun("send_email", mail) }) },
      ]),
    ),
    finished,
    closing,
  ),
  withheld(
    "choices without an index",
    held(
      chunk([
        { delta: { content: "Other" } },
        { delta: calls(begun("send_email", mail)), finish_reason: "tool_calls" },
      ]),
    ),
    closing,
  ),
  withheld(
    "usage in the last chunk with content",
    ...openAiCall,
    held(chunk([{ index: 0, delta: {}, finish_reason: "tool_calls" }], { usage })),
    closing,
  ),
  withheld(
    "a usage chunk before the finish reason",
    ...openAiCall,
    held(chunk([], { usage })),
    finished,
    closing,
  ),
  withheld(
    "a finish reason before the last tool delta",
    held(delta(calls({ index: 0, ...begun("send_email") }))),
    finished,
    held(delta(calls(part(mail)))),
    closing,
  ),
  withheld("a call that ends without a finish reason", ...openAiCall, closing),
  withheld("no [DONE]", role, ...openAiCall, finished),
  withheld(
    "[DONE] twice, and a call after it",
    ...openAiCall,
    finished,
    closing,
    dropped(delta(calls({ index: 1, ...begun("notify", mail) }))),
    dropped(done),
  ),
  withheld("a call cut off by its length", ...openAiCall, held(delta({}, "length")), closing),
  withheld("a call cut off by a content filter", ...openAiCall, held(delta({}, "content_filter")), closing),
  withheld(
    "an unattended call cut off by its length",
    held(delta(calls({ index: 0, ...begun("notify", mail) }))),
    held(delta({}, "length")),
    closing,
  ),
  withheld(
    "empty choices, comments and empty events in between",
    flows(chunk([], { prompt_filter_results: [] })),
    flows(": keep-alive\n\n"),
    ...openAiCall,
    flows(": keep-alive\n\n"),
    flows("data:\n\n", keepAlive),
    flows(chunk([])),
    finished,
    closing,
  ),
  withheld(
    "carriage returns before the line feeds",
    ...[role, hello, ...openAiCall, finished, closing].map(
      ([fate, text]): FixtureEvent => [fate, text.replaceAll("\n", "\r\n"), text],
    ),
  ),
  withheld(
    "a byte order mark, event names and data over several lines",
    flows(`\ufeffevent: chunk\n${delta({ content: "Hello" })}`, delta({ content: "Hello" })),
    held(`id: 7\n${overLines}`, overLines),
    finished,
    closing,
  ),
  withheld(
    "a read and a write in one answer",
    held(delta(calls({ index: 0, ...begun("get_weather", mail) }))),
    held(delta(calls({ index: 1, ...begun("send_email", mail, `call_b${secret}`) }))),
    finished,
    closing,
  ),
  withheld(
    "a tool that nobody knows",
    held(delta(calls({ index: 0, ...begun("rm_rf", mail) }))),
    finished,
    closing,
  ),
  withheld(
    "an unattended call whose arguments say one thing twice",
    held(delta(calls({ index: 0, ...begun("notify", `{"to":"a","to":"${secret}"}`) }))),
    finished,
    closing,
  ),
  withheld(
    "an unattended call whose arguments look like Cedar's own JSON",
    held(delta(calls({ index: 0, ...begun("notify", `{"to":{"__entity":{"type":"A","id":"${secret}"}}}`) }))),
    finished,
    closing,
  ),
  withheld(
    "two unattended calls under one index",
    held(delta(calls({ index: 0, ...begun("notify", mail) }))),
    held(delta(calls({ index: 0, ...begun("notify", mail, `call_b${secret}`) }))),
    finished,
    closing,
  ),
  withheld(
    "tool calls that are not a list",
    held(delta({ tool_calls: { "0": begun("notify", mail) } })),
    finished,
    closing,
  ),
  withheld(
    "a tool call of another type",
    held(delta(calls({ index: 0, ...begun("notify", mail), type: "mcp" }))),
    finished,
    closing,
  ),
  {
    name: "an error event after tool deltas",
    outcome: "upstream_error",
    events: [role, ...openAiCall, breaks(event({ error: { message: "overloaded", type: "server_error" } }))],
  },
  ...(
    [
      ["a stream that breaks off after tool deltas", []],
      ["an event that is not JSON after tool deltas", [breaks("data: {oops\n\n")]],
      ["a call in an event with duplicate keys", [breaks(`data: {"choices":[],"choices":[${secret}]}\n\n`)]],
      ["a choice that is no choice", [breaks(chunk([{ index: -1, delta: { content: secret } }]))]],
      [
        "a choice with two messages",
        [breaks(chunk([{ index: 0, delta: {}, message: calls(begun("notify", mail)) }]))],
      ],
    ] as const
  ).map(
    ([name, ends]): ProposalFixture => ({
      name,
      outcome: "upstream_invalid",
      events: [role, hello, ...openAiCall, ...ends],
    }),
  ),
];
