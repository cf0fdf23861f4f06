// The built-in demo model: it calls nobody, answers the same to the same, and says what it is. Its answers are the bytes
// an upstream would send, so that they take the very same path through the gate.

import { setImmediate as nextTurn } from "node:timers/promises";
import { fail, ok, type Result } from "../../core/result.ts";
import {
  type ModelProvider,
  type ProviderAnswer,
  type ProviderFailure,
  type ProviderRequest,
  ProviderStreamError,
} from "../provider.ts";
import { demoChat } from "./demo-chat.ts";
import { demoEmbeddings } from "./demo-embeddings.ts";
import { isObject, type JsonObject, member, stringOf } from "./demo-json.ts";
import { type DemoRefusal, readDemoChatRequest } from "./demo-request.ts";

const chatModels: readonly string[] = ["assistant", "assistant-large"];
const embeddingModels: readonly string[] = ["embedder"];
const cancelled: ProviderFailure = { reason: "cancelled", detail: "the client is gone" };

export class DemoProvider implements ModelProvider {
  readonly type = "demo";
  readonly asksForStreamUsage = true;
  readonly models: readonly string[] = [...chatModels, ...embeddingModels];
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async send(request: ProviderRequest): Promise<Result<ProviderAnswer, ProviderFailure>> {
    if (request.signal.aborted) return fail(cancelled);
    const answer = answerTo(request);
    if (answer.kind === "whole" && answer.body.length > request.maxResponseBytes) {
      return fail({ reason: "too_large", detail: "the answer is larger than `limits.response`" });
    }
    return ok(answer);
  }

  async close(): Promise<void> {}
}

function answerTo(request: ProviderRequest): ProviderAnswer {
  const body = parsed(request.body);
  if (!isObject(body)) return refused({ message: "the request must be a JSON object", param: null });
  switch (request.endpoint) {
    case "chat/completions":
      return chatAnswer(body, request.signal);
    case "embeddings":
      return embeddingsAnswer(body);
  }
}

function chatAnswer(body: JsonObject, signal: AbortSignal): ProviderAnswer {
  const model = stringOf(member(body, "model")) ?? "";
  if (!chatModels.includes(model)) return unknownModel(model, chatModels);
  const request = readDemoChatRequest(body);
  if (!request.ok) return refused(request.failure);
  const answer = demoChat(request.value);
  if (answer.kind === "whole") return json(200, answer.body);
  const headers = { "content-type": "text/event-stream; charset=utf-8" };
  return { kind: "stream", status: 200, headers, chunks: events(answer.chunks, signal) };
}

function embeddingsAnswer(body: JsonObject): ProviderAnswer {
  const model = stringOf(member(body, "model")) ?? "";
  if (!embeddingModels.includes(model)) return unknownModel(model, embeddingModels);
  const embeddings = demoEmbeddings(body);
  return embeddings.ok ? json(200, embeddings.value) : refused(embeddings.failure);
}

/** Undefined when it is not JSON. */
function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  } catch {
    return undefined;
  }
}

async function* events(chunks: readonly unknown[], signal: AbortSignal): AsyncGenerator<Buffer> {
  for (const chunk of [...chunks.map((one) => JSON.stringify(one)), "[DONE]"]) {
    // Others get their turn between two chunks, as they would between two packets.
    await nextTurn();
    if (signal.aborted) throw new ProviderStreamError(cancelled);
    yield Buffer.from(`data: ${chunk}\n\n`);
  }
}

function json(status: number, body: unknown): ProviderAnswer {
  const headers = { "content-type": "application/json" };
  return { kind: "whole", status, headers, body: Buffer.from(JSON.stringify(body)) };
}

function refused({ message, param }: DemoRefusal): ProviderAnswer {
  return json(400, { error: { message, type: "invalid_request_error", param, code: null } });
}

function unknownModel(model: string, known: readonly string[]): ProviderAnswer {
  const names = known.map((name) => `\`${name}\``).join(", ");
  const message = `the demo has no model \`${model.slice(0, 100).toWellFormed()}\` for this; it has ${names}`;
  const error = { message, type: "invalid_request_error", param: "model", code: "model_not_found" };
  return json(404, { error });
}
