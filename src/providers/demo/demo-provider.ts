// The built-in demo model: it calls nobody, answers the same to the same, and says what it is. Its answers are the bytes
// an upstream would send, so that they take the very same path through the gate.

import { ok, type Result } from "../../core/result.ts";
import type { ModelProvider, ProviderAnswer, ProviderFailure, ProviderRequest } from "../provider.ts";
import { demoChat } from "./demo-chat.ts";
import { demoEmbeddings } from "./demo-embeddings.ts";

const chatModels = ["assistant", "assistant-large"];
const embeddingModels = ["embedder"];

export class DemoProvider implements ModelProvider {
  readonly type = "demo";
  readonly asksForStreamUsage = true;
  readonly models = [...chatModels, ...embeddingModels];
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async send(request: ProviderRequest): Promise<Result<ProviderAnswer, ProviderFailure>> {
    const body: unknown = JSON.parse(Buffer.from(request.body).toString("utf8"));
    if (typeof body !== "object" || body === null) return ok(error(400, "the request must be an object"));
    const asked = { ...body };
    const model = "model" in asked ? String(asked.model) : "";
    const chat = request.endpoint === "chat/completions";
    if (!(chat ? chatModels : embeddingModels).includes(model)) {
      return ok(error(404, `the demo model \`${model}\` does not do ${request.endpoint}`));
    }
    if (!chat) return ok(json(demoEmbeddings(asked)));
    const answer = demoChat(asked);
    if (answer.kind === "whole") return ok(json(answer.body));
    return ok({
      kind: "stream",
      status: 200,
      headers: { "content-type": "text/event-stream; charset=utf-8" },
      chunks: events(answer.chunks),
    });
  }

  async close(): Promise<void> {}
}

async function* events(chunks: readonly unknown[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`);
  yield Buffer.from("data: [DONE]\n\n");
}

function json(body: unknown, status = 200): ProviderAnswer {
  const headers = { "content-type": "application/json" };
  return { kind: "whole", status, headers, body: Buffer.from(JSON.stringify(body)) };
}

function error(status: number, message: string): ProviderAnswer {
  return json({ error: { message, type: "invalid_request_error", code: null, param: null } }, status);
}
