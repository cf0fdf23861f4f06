// When clients come back: each waits for the time that the gate names, whether it is an upstream's or the gate's own.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { generateText } from "ai";
import OpenAI from "openai";
import { type ScriptedUpstream, scriptedUpstream } from "../e2e/scripted-upstream.ts";
import { startGateway, type TestGateway, testFolder } from "../e2e/test-gateway.ts";

interface Seen {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly at: number;
}

/** Asks once with a client that may try again, over this `fetch`; the text of the answer. */
type Ask = (model: string, over: typeof fetch) => Promise<string | null>;

let gateway: TestGateway;
let upstream: ScriptedUpstream;
/** By model, how often it still says no, and how. */
const refusals = new Map<string, { left: number; readonly status: number; readonly retryAfter?: string }>();

before(async () => {
  upstream = await scriptedUpstream((response, _request, body) => {
    const { model } = JSON.parse(body.toString());
    const refusal = refusals.get(model);
    if (refusal !== undefined && refusal.left > 0) {
      refusal.left -= 1;
      const headers = refusal.retryAfter === undefined ? {} : { "retry-after": refusal.retryAfter };
      response.writeHead(refusal.status, { "content-type": "application/json", ...headers });
      response.end('{"error":{"message":"not now","type":"server_error","code":"busy"}}');
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    const message = '{"role":"assistant","content":"here I am"}';
    response.end(
      `{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":${message},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`,
    );
  });
  gateway = await startGateway(
    testFolder({
      "portcullis.yaml": `providers:
  up: { type: openai, base_url: "${upstream.baseUrl}" }
applications:
  - { name: assistant }
`,
    }),
  );
});
after(async () => {
  await gateway.close();
  upstream.close();
});

const openai: Ask = async (model, over) => {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key ?? "", fetch: over });
  const answer = await client.chat.completions.create({ model, messages: [{ role: "user", content: "x" }] });
  return answer.choices[0]?.message.content ?? null;
};

const aiSdk: Ask = async (model, over) => {
  const baseURL = `${gateway.url}/v1`;
  const provider = createOpenAICompatible({ name: "gate", baseURL, apiKey: gateway.key ?? "", fetch: over });
  return (await generateText({ model: provider(model), prompt: "x" })).text;
};

const langChain: Ask = async (model, over) => {
  const configuration = { baseURL: `${gateway.url}/v1`, fetch: over };
  const chat = new ChatOpenAI({ model, apiKey: gateway.key ?? "", configuration });
  return (await chat.invoke("x")).text;
};

/** What a client met on its way to an answer, in order. */
async function metBy(ask: Ask, model: string): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  const text = await ask(`up/${model}`, async (...args) => {
    const response = await fetch(...args);
    const { status, headers } = response;
    seen.push({ status, retryAfter: headers.get("retry-after"), at: performance.now() });
    return response;
  });
  assert.equal(text, "here I am");
  return seen;
}

function assertWaited(seen: readonly Seen[], status: number): void {
  const [refused, answered] = seen;
  assert.deepEqual([refused?.status, answered?.status, seen.length], [status, 200, 2]);
  const named = Number(refused?.retryAfter) * 1000;
  // A timer may be early by a millisecond or two.
  assert.ok((answered?.at ?? 0) - (refused?.at ?? 0) >= named - 5);
}

async function fail(model: string, times: number): Promise<void> {
  for (let round = 0; round < times; round += 1) {
    await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
      body: JSON.stringify({ model: `up/${model}`, messages: [{ role: "user", content: "x" }] }),
    });
  }
}

describe("after a refusal that names a time", { concurrency: true }, () => {
  for (const [name, ask] of Object.entries({ openai, aiSdk, langChain })) {
    it(`${name} comes back to an upstream when that said to`, async () => {
      // Longer than any of them waits by itself the first time.
      refusals.set(`busy-${name}`, { left: 1, status: 429, retryAfter: "4" });
      assertWaited(await metBy(ask, `busy-${name}`), 429);
    });
  }

  // LangChain goes by the header only with 429, and comes back more often meanwhile.
  for (const [name, ask] of Object.entries({ openai, aiSdk })) {
    it(`${name} comes back to a model that the gate left alone when the gate asks it again`, async () => {
      refusals.set(`down-${name}`, { left: 5, status: 502 });
      await fail(`down-${name}`, 5);
      assertWaited(await metBy(ask, `down-${name}`), 503);
    });
  }

  it("langChain comes back to such a model too, by its own measure", async () => {
    refusals.set("down-langChain", { left: 5, status: 502 });
    await fail("down-langChain", 5);
    const seen = await metBy(langChain, "down-langChain");
    assert.deepEqual([seen[0]?.status, seen.at(-1)?.status], [503, 200]);
  });
});
