// One gateway before one aimock, and the real SDK at both: what it gets through the gate beside what it gets without it.

import OpenAI from "openai";
import { type Aimock, startAimock } from "./aimock.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";

type ChatBody = Omit<OpenAI.ChatCompletionCreateParams, "model">;

export interface Answer {
  readonly status: number;
  /** Without parameters: the gate may say which charset it is. */
  readonly contentType: string | null;
  readonly retryAfter: string | null;
  readonly text: string;
}

export interface AimockGate {
  readonly gateway: TestGateway;
  readonly aimock: Aimock;
  /** The SDK at the gateway, and the SDK at aimock itself. */
  readonly gate: OpenAI;
  readonly direct: OpenAI;
  close(): Promise<void>;
}

/** What clients call the model, and what aimock gets to see. */
export const models = { gate: "fast", direct: "gpt-4o-mini" } as const;

/** `extra` is more YAML for the gateway's config. */
export async function startAimockGate(extra = ""): Promise<AimockGate> {
  const aimock = await startAimock();
  const config = `providers:
  up: { type: openai, base_url: "${aimock.baseUrl}", models: [gpt-4o-mini, text-embedding-3-small] }
models:
  - { name: fast, targets: [up/gpt-4o-mini] }
applications:
  - { name: assistant }
approvals: { wait: 0s }
${extra}`;
  try {
    const gateway = await startGateway(testFolder({ "portcullis.yaml": config }));
    const gate = sdk(`${gateway.url}/v1`, gateway.key ?? "");
    return {
      gateway,
      aimock,
      gate,
      direct: sdk(aimock.baseUrl, "none"),
      close: () => close(gateway, aimock),
    };
  } catch (fault) {
    await aimock.close();
    throw fault;
  }
}

/** The bytes of an answer as the SDK gets them, errors included. */
export async function chatBytes(client: OpenAI, model: string, body: ChatBody): Promise<Answer> {
  const answer = await fetch(`${client.baseURL}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${client.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ ...body, model }),
  });
  return {
    status: answer.status,
    contentType: answer.headers.get("content-type")?.split(";")[0] ?? null,
    retryAfter: answer.headers.get("retry-after"),
    text: await answer.text(),
  };
}

function sdk(baseURL: string, apiKey: string): OpenAI {
  return new OpenAI({ baseURL, apiKey, maxRetries: 0 });
}

async function close(gateway: TestGateway, aimock: Aimock): Promise<void> {
  try {
    await gateway.close();
  } finally {
    await gateway.kill();
    await aimock.close();
  }
}
