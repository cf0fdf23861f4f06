// An assistant's message that no model wrote: what a client gets of a call that no model was asked about.

import type { CallRun } from "../call-run.ts";
import { chunkEvent } from "../chunk-choices.ts";

export function ownNaming({ call }: CallRun): {
  readonly id: string;
  readonly created: number;
  readonly model: string;
} {
  return {
    id: `chatcmpl-${call.id}`,
    created: Math.floor(call.time / 1000),
    model: call.request.requestedModel,
  };
}

/** The whole of it, in the framing that the request asks for. */
export function ownAnswer(run: CallRun, text: string): Buffer {
  const { request } = run.call;
  const naming = ownNaming(run);
  const usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
  if (request.endpoint !== "chat" || !request.stream) {
    const message = { role: "assistant", content: text, refusal: null };
    const choices = [{ index: 0, message, logprobs: null, finish_reason: "stop" }];
    return Buffer.from(JSON.stringify({ ...naming, object: "chat.completion", choices, usage }));
  }
  const chunk = (rest: object): string => chunkEvent({ ...naming, object: "chat.completion.chunk", ...rest });
  const choice = (delta: object, finish: string | null): object => ({
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  return Buffer.from(
    [
      chunk(choice({ role: "assistant", content: text }, null)),
      chunk(choice({}, "stop")),
      ...(request.includeUsage ? [chunk({ choices: [], usage })] : []),
      "data: [DONE]\n\n",
    ].join(""),
  );
}
