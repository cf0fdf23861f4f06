// Clients with their default time-outs and retries while something waits for people: what keeps their connection open does not
// disturb them, what is approved is a tool call like any other, and what is rejected is an answer in words.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { AIMessage, type AIMessageChunk, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import OpenAI from "openai";
import {
  decide,
  invite,
  mail,
  mailConfig,
  mailId,
  mailModel,
  pending,
  said,
  sent,
} from "../e2e/mail-gate.ts";
import { startGateway, type TestGateway, testFolder } from "../e2e/test-gateway.ts";
import { completionOf } from "../e2e/trail.ts";

/** Each waits this often past the opening of its answer. */
const beats = 4;

let gateway: TestGateway;
let token: string;
let asked: () => number;
const closing: (() => unknown)[] = [];

before(async () => {
  const upstream = await mailModel({ after: (close) => void closing.push(close as () => unknown) });
  asked = () => upstream.bodies.length;
  const approvals = "{ open_after: 300ms, heartbeat: 200ms }";
  gateway = await startGateway(testFolder({ "portcullis.yaml": mailConfig(upstream, { approvals }) }));
  token = await invite(gateway, "ben");
});
after(async () => {
  await gateway.close();
  for (const close of closing) await close();
});

/** What a client ends with: the tool calls that it ran, and the last text. */
interface Ended {
  readonly ran: readonly (readonly [id: string, argumentBytes: unknown])[];
  readonly text: string;
}

/** Asks once, with a tool that writes mail; its tool loop goes on by itself, or as its documentation says. */
type Ask = (prompt: string, over: typeof fetch) => Promise<Ended>;

const parameters = { type: "object", properties: { to: { type: "string" } } } as const;
const description = "Writes an e-mail";

const openai =
  (stream: boolean): Ask =>
  async (prompt, over) => {
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key ?? "", fetch: over });
    const body = {
      model: "up/m",
      messages: [{ role: "user" as const, content: prompt }],
      tools: [
        {
          type: "function" as const,
          function: { name: "send_email", description, parameters, function: () => "done", parse: String },
        },
      ],
    };
    const completions = client.chat.completions;
    const runner = stream ? completions.runTools({ ...body, stream }) : completions.runTools(body);
    const text = (await runner.finalContent()) ?? "";
    const ran = runner.messages.flatMap((message) =>
      message.role === "assistant"
        ? (message.tool_calls ?? []).map((call) => {
            assert.ok(call.type === "function");
            return [call.id, call.function.arguments] as const;
          })
        : [],
    );
    return { ran, text };
  };

const aiSdk =
  (stream: boolean): Ask =>
  async (prompt, over) => {
    const baseURL = `${gateway.url}/v1`;
    const provider = createOpenAICompatible({
      name: "gate",
      baseURL,
      apiKey: gateway.key ?? "",
      fetch: over,
    });
    const tools = {
      send_email: tool({ description, inputSchema: jsonSchema(parameters), execute: async () => "done" }),
    };
    const request = { model: provider("up/m"), prompt, tools, stopWhen: stepCountIs(3) };
    const ended = stream ? streamText(request) : await generateText(request);
    const ran = (await ended.steps).flatMap(({ toolCalls }) =>
      toolCalls.map(({ toolCallId, input }) => [toolCallId, input] as const),
    );
    return { ran, text: await ended.text };
  };

const langChain =
  (stream: boolean): Ask =>
  async (prompt, over) => {
    const configuration = { baseURL: `${gateway.url}/v1`, fetch: over };
    const bound = new ChatOpenAI({ model: "up/m", apiKey: gateway.key ?? "", configuration }).bindTools([
      { type: "function", function: { name: "send_email", description, parameters } },
    ]);
    const first = new HumanMessage(prompt);
    const message = stream ? await assembled(bound.stream([first])) : await bound.invoke([first]);
    const calls = message.tool_calls ?? [];
    const [call] = calls;
    if (call === undefined) return { ran: [], text: message.text };
    const result = new ToolMessage({ content: "done", tool_call_id: call.id ?? "" });
    const last = await bound.invoke([first, new AIMessage({ content: "", tool_calls: calls }), result]);
    return { ran: calls.map(({ id = "", args }) => [id, args] as const), text: last.text };
  };

async function assembled(parts: Promise<AsyncIterable<AIMessageChunk>>): Promise<AIMessageChunk> {
  let all: AIMessageChunk | null = null;
  for await (const part of await parts) all = all === null ? part : all.concat(part);
  assert.ok(all !== null);
  return all;
}

/** A `fetch` that tells what has come, as it comes. */
function watched(onText: (text: string) => void): typeof fetch {
  return async (...args) => {
    const answer = await fetch(...args);
    const decoder = new TextDecoder();
    const watch = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        onText(decoder.decode(chunk, { stream: true }));
        controller.enqueue(chunk);
      },
    });
    return new Response(answer.body?.pipeThrough(watch) ?? null, answer);
  };
}

interface Waited extends Ended {
  /** All that came while it waited. */
  readonly before: string;
}

async function waited(
  ask: Ask,
  prompt: string,
  decision: "approve" | "reject",
  reason?: string,
): Promise<Waited> {
  let [before, parts] = ["", 0];
  const enough = Promise.withResolvers<void>();
  const over = watched((text) => {
    parts += 1;
    if (parts <= beats + 1) before += text;
    if (parts > beats) enough.resolve();
  });
  const upstreamBefore = asked();
  const ended = ask(prompt, over);
  const [approval] = await Promise.race([pending(gateway, token), ended.then(() => [])]);
  assert.ok(approval !== undefined, "it waits");
  await Promise.race([enough.promise, ended]);
  assert.equal(asked(), upstreamBefore + 1, "it has not tried again");
  await decide(gateway, token, approval, decision, reason);
  return { ...(await ended), before };
}

for (const [name, client, inBytes] of [
  ["openai", openai, true],
  ["the AI SDK", aiSdk, false],
  ["LangChain", langChain, false],
] as const) {
  describe(`${name} waits`, () => {
    for (const mode of ["whole", "stream"] as const) {
      const ask = client(mode === "stream");

      it(`and goes on with what was approved, ${mode}`, async () => {
        const { ran, text, before } = await waited(ask, `${name}, ${mode}: write it`, "approve");
        assert.deepEqual(ran, [[mailId, inBytes ? mail : JSON.parse(mail)]]);
        assert.equal(text, sent);
        if (mode === "whole") assert.match(before, /^ {4,}$/, "white space before the answer");
        else assert.match(before, /: waiting\n\n[\s\S]*"delta":\{\},"finish_reason":null/);
      });

      it(`and reads who rejected it and why, ${mode}`, async () => {
        const prompt = `${name}, ${mode}: write it after all`;
        const { ran, text } = await waited(ask, prompt, "reject", "not to her");
        assert.deepEqual(ran, []);
        assert.ok(text.startsWith(said), text);
        assert.match(text, /The tool call `send_email` was rejected by ben@example\.com: not to her\./);
        assert.doesNotMatch(text, /ana@example|\\u0061na/);
        const [, call = ""] = /Call: (call_[\w-]+)/.exec(text) ?? [];
        assert.equal((await completionOf(gateway, call))?.outcome, "withheld");
      });
    }
  });
}
