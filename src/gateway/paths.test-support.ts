// Every way in which a call can go, with how it must end for the client and on record.

import { fail } from "../core/result.ts";
import { type ProviderFailure, ProviderStreamError } from "../providers/provider.ts";
import type { RecordingChannel } from "./client.test-support.ts";
import type { TestGateway } from "./gateway.test-support.ts";
import { openPolicies } from "./policies.test-support.ts";
import { ask, askStream, toolCall, unlikeOthers } from "./requests.test-support.ts";
import {
  cancelled,
  completion,
  delta,
  done,
  event,
  type Script,
  type Step,
  streamOf,
  whole,
} from "./upstream.test-support.ts";

const hi = whole(200, completion({ role: "assistant", content: "hi" }));
const word = delta({ content: "Hel" });
const stop = delta({}, "stop");
const mail = { tool_calls: [{ index: 0, ...toolCall("send_email") }] };
const page = { tool_calls: [{ index: 0, ...toolCall("notify") }] };

/** The provider's part, made anew for each call; it may act on the client. */
type Part = (channel: RecordingChannel) => Script;

const gives =
  (answer: ReturnType<Script>): Part =>
  () =>
  () =>
    answer;
const streams =
  (...steps: readonly Step[]): Part =>
  () =>
    streamOf(steps).script;
/** The client goes away while the provider works on its answer. */
const leaving =
  (answer: ReturnType<Script>): Part =>
  (channel) =>
  () => {
    channel.leave();
    return answer;
  };
const throws = (): never => {
  throw new Error("a bug");
};

const failing = (reason: ProviderFailure["reason"]) => fail<ProviderFailure>({ reason, detail: "so it is" });
const breaking = (reason: ProviderFailure["reason"]) =>
  streams(word, new ProviderStreamError({ reason, detail: "so it is" }));

export interface Path {
  readonly name: string;
  readonly provider?: Part;
  readonly body?: object | string;
  readonly endpoint?: "embeddings";
  readonly onWrite?: (channel: RecordingChannel) => Promise<void> | undefined;
  /** How the client's answer is over, and what the completion says: outcome, reason, status. */
  readonly ends: readonly [RecordingChannel["ending"], string, string | null, number];
}

export const paths: readonly Path[] = [
  { name: "an answer in one piece", provider: gives(hi), ends: ["respond", "ok", null, 200] },
  {
    name: "a streamed answer",
    body: askStream(),
    provider: streams(word, stop, done),
    ends: ["end", "ok", null, 200],
  },
  {
    name: "a streamed answer with a tool call that may go on",
    body: askStream(),
    provider: streams(word, delta(page), delta({}, "tool_calls"), done),
    ends: ["end", "ok", null, 200],
  },
  {
    name: "a tool call in one piece that has to wait",
    provider: gives(whole(200, completion({ tool_calls: [toolCall("send_email")] }, "tool_calls"))),
    ends: ["respond", "held", null, 200],
  },
  {
    name: "a streamed tool call that has to wait, before anything went out",
    body: askStream(),
    provider: streams(delta(mail), delta({}, "tool_calls"), done),
    ends: ["end", "held", null, 200],
  },
  {
    name: "a streamed tool call that has to wait, on an open stream",
    body: askStream(),
    provider: streams(word, delta(mail), delta({}, "tool_calls"), done),
    ends: ["end", "held", null, 200],
  },
  {
    name: "a client that leaves before the answer",
    provider: leaving(fail(cancelled)),
    ends: ["refuse", "client_closed", "client_closed", 499],
  },
  {
    name: "a client that leaves just as its answer comes",
    provider: leaving(hi),
    ends: [null, "client_closed", "client_closed", 499],
  },
  {
    name: "a client that leaves mid-stream",
    body: askStream(),
    provider: streams(word, word, stop, done),
    onWrite: (channel) => {
      channel.leave();
      return undefined;
    },
    ends: ["refuse", "client_closed", "client_closed", 200],
  },
  {
    name: "a client that leaves before a stream begins",
    body: askStream(),
    provider: (channel) => streamOf([() => channel.leave(), word]).script,
    ends: ["refuse", "client_closed", "client_closed", 499],
  },
  ...[400, 401, 404, 429, 500, 503].map(
    (status): Path => ({
      name: `an upstream that answers ${status}`,
      provider: gives(whole(status, { error: { message: "no" } })),
      ends: ["respond", "upstream_error", null, status],
    }),
  ),
  ...(
    [
      ["unavailable", "upstream_unreachable", "provider_unavailable", 503],
      ["unreachable", "upstream_unreachable", "upstream_unreachable", 502],
      ["timeout", "upstream_timeout", "upstream_timeout", 504],
      ["invalid", "upstream_invalid", "upstream_invalid", 502],
      ["too_large", "upstream_invalid", "upstream_too_large", 502],
    ] as const
  ).flatMap(([reason, outcome, code, status]): Path[] => [
    {
      name: `an upstream that fails as ${reason}`,
      provider: gives(failing(reason)),
      ends: ["refuse", outcome, code, status],
    },
    {
      name: `a stream that fails as ${reason}`,
      body: askStream(),
      provider: breaking(reason),
      ends: ["refuse", outcome, code, 200],
    },
  ]),
  {
    name: "a stream that ends before its answer does",
    body: askStream(),
    provider: streams(word),
    ends: ["refuse", "upstream_invalid", "upstream_invalid", 200],
  },
  {
    name: "a stream that breaks off, with an empty finish reason in every chunk",
    body: askStream(),
    provider: streams(delta({ content: "a" }, ""), delta({ content: "b" }, "")),
    ends: ["refuse", "upstream_invalid", "upstream_invalid", 200],
  },
  {
    name: "an answer of 200 that only holds an error",
    provider: gives(whole(200, { error: { message: "overloaded" } })),
    ends: ["respond", "upstream_error", null, 200],
  },
  {
    name: "a stream that is cut within an event",
    body: askStream(),
    provider: streams(word, stop.slice(0, -1)),
    ends: ["refuse", "upstream_invalid", "upstream_invalid", 200],
  },
  {
    name: "a stream with nothing in it",
    body: askStream(),
    provider: streams(),
    ends: ["refuse", "upstream_invalid", "upstream_invalid", 502],
  },
  {
    name: "a stream that ends with the upstream's error",
    body: askStream(),
    provider: streams(word, event({ error: { message: "overloaded" } }), stop),
    ends: ["end", "upstream_error", null, 200],
  },
  {
    name: "a stream that nobody asked for",
    provider: streams(word, stop, done),
    ends: ["refuse", "upstream_invalid", "upstream_invalid", 502],
  },
  ...[
    "{",
    '{"choices":[],"choices":[]}',
    "[]",
    '{"choices":{}}',
    '{"choices":[{"index":900}]}',
    '{"choices":[7]}',
  ].map(
    (answer): Path => ({
      name: `the answer ${answer}, which nobody can read in one way`,
      provider: gives(whole(200, answer)),
      ends: ["refuse", "upstream_invalid", "upstream_invalid", 502],
    }),
  ),
  { name: "a body that is no JSON", body: "{", ends: ["refuse", "refused", "invalid_json", 400] },
  {
    name: "a request without messages",
    body: { model: "up/m" },
    ends: ["refuse", "refused", "invalid_request", 400],
  },
  {
    name: "a request that cannot be described",
    body: ask({ messages: [{ role: "user", content: [{ type: "video", video: "x" }] }] }),
    ends: ["refuse", "refused", "undescribable", 400],
  },
  {
    name: "a model that is not there",
    body: ask({ model: "up2/m" }),
    ends: ["refuse", "refused", "model_not_found", 404],
  },
  {
    name: "a model that policy forbids",
    body: ask({ model: "up/secret" }),
    ends: ["refuse", "refused", "policy_denied", 403],
  },
  {
    name: "a model that waits for a sign-off",
    body: ask({ model: "up/held" }),
    ends: ["respond", "held", null, 200],
  },
  {
    name: "a policy that fails",
    body: ask({ model: "up/broken" }),
    ends: ["refuse", "refused", "policy_error", 403],
  },
  {
    name: "a field that acts and is not permitted",
    body: ask({ web_search_options: {} }),
    ends: ["refuse", "refused", "policy_denied", 403],
  },
  {
    name: "a provider that throws",
    provider: () => throws,
    ends: ["refuse", "internal_error", "internal", 500],
  },
  {
    name: "a provider whose stream throws",
    body: askStream(),
    provider: streams(word, new Error("a bug")),
    ends: ["refuse", "internal_error", "internal", 200],
  },
  {
    name: "a channel that throws while a stream is relayed",
    body: askStream(),
    provider: streams(word, stop, done),
    onWrite: throws,
    ends: ["refuse", "internal_error", "internal", 200],
  },
  {
    name: "embeddings",
    endpoint: "embeddings",
    body: { model: "up/m", input: "x" },
    provider: gives(whole(200, { data: [], usage: { prompt_tokens: 2 } })),
    ends: ["respond", "ok", null, 200],
  },
  ...[streams(word), gives(whole(200, "{")), gives(whole(200, "[]"))].map(
    (provider, at): Path => ({
      name: `embeddings in the wrong shape (${at})`,
      endpoint: "embeddings",
      body: { model: "up/m", input: "x" },
      provider,
      ends: ["refuse", "upstream_invalid", "upstream_invalid", 502],
    }),
  ),
];

export const policies = `${openPolicies}
@id("no-secrets") @reason("too dear")
forbid (principal, action, resource == Portcullis::Model::"up/secret");
@id("ask-first") @approval("finance")
forbid (principal, action, resource == Portcullis::Model::"up/held")
unless { context.approvals.contains("finance") };
@id("fails")
forbid (principal, action == Portcullis::Action::"chat", resource == Portcullis::Model::"up/broken")
when { context.hour * 9223372036854775807 > 0 };
`;

/** Takes the path through the gateway, whose journal then holds nothing else. */
export async function take(gateway: TestGateway, path: Path): Promise<RecordingChannel> {
  const { onWrite, provider = gives(hi), body = ask(), endpoint = "chat" } = path;
  const channel = gateway.channel();
  if (onWrite !== undefined) channel.onWrite = () => onWrite(channel);
  gateway.upstream().script = provider(channel);
  gateway.journal.length = 0;
  return gateway.call(typeof body === "string" ? body : unlikeOthers(body), { channel, endpoint });
}
