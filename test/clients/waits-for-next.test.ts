// SIGTERM while clients wait: what they wait for stays as it is, and each is told in the way that is left to it how to get it
// from the gateway that comes next.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, jsonSchema, tool } from "ai";
import OpenAI from "openai";
import { freePort } from "../e2e/free-port.ts";
import {
  askMail,
  decide,
  invite,
  mail,
  mailBody,
  mailConfig,
  mailFolder,
  mailId,
  mailModel,
  pending,
  said,
} from "../e2e/mail-gate.ts";
import { startGateway } from "../e2e/test-gateway.ts";
import { completionOf } from "../e2e/trail.ts";

test("clients that wait while the gateway ends get what they wait for from the next", async (t) => {
  const upstream = await mailModel(t);
  // The drain is for calls that work. Those that wait go at once: with an hour it would not end in this test otherwise.
  const config = mailConfig(upstream, { more: "limits: { drain: 1h }\n" });
  const folder = mailFolder(t, config);
  const port = await freePort();
  const first = await startGateway(folder, {}, port);
  t.after(() => first.kill());
  const key = first.key ?? "";
  const token = await invite(first, "ben");

  const met: { readonly answer: Response; readonly text: string }[] = [];
  const refused = Promise.withResolvers<void>();
  let serving: Promise<unknown> = Promise.resolve();
  // As a balancer would, it keeps requests until there is a gateway: how soon that is says nothing here.
  const balanced: typeof fetch = async (...args) => {
    await serving;
    return fetch(...args);
  };
  const over: typeof fetch = async (...args) => {
    const answer = await balanced(...args);
    const text = await answer.text();
    met.push({ answer, text });
    if (answer.status === 409) refused.resolve();
    return new Response(text, answer);
  };
  const client = new OpenAI({ baseURL: `${first.url}/v1`, apiKey: key, fetch: over });
  const { messages, tools, model } = JSON.parse(mailBody("Write it"));
  const answered = client.chat.completions.create({ model, messages, tools });
  const [silent] = await pending(first, token);
  assert.ok(silent);
  const byAiSdk = aiSdk(first.url, key, balanced);
  const langChain = new ChatOpenAI({
    ...{ model, apiKey: key, configuration: { baseURL: `${first.url}/v1` } },
  }).bindTools(tools);
  const refusedLangChain = assert.rejects(langChain.invoke("Write it for LangChain"), {
    status: 409,
    code: "approval_pending",
  });
  const three = await pending(first, token, 3);
  const streaming = await askMail(first, key, mailBody("Write it, word by word", "stream"));
  const all = await pending(first, token, 4);
  const streamed = all.find(({ id }) => three.every((other) => other.id !== id));
  assert.ok(streamed);

  const started = Promise.withResolvers<void>();
  serving = started.promise;
  first.drain();
  const told = await streaming.text();
  await Promise.all([refused.promise, refusedLangChain]);
  await first.ended;
  const second = await startGateway(folder, {}, port);
  started.resolve();
  t.after(() => second.kill());

  const open = await pending(second, token, 4);
  assert.deepEqual(
    open.map(({ digest }) => digest),
    all.map(({ digest }) => digest),
    "nothing of what waits has changed",
  );
  for (const approval of three) await decide(second, token, approval);
  const [choice] = (await answered).choices;
  assert.deepEqual(choice?.message.tool_calls, [
    { id: mailId, type: "function", function: { name: "send_email", arguments: mail } },
  ]);
  assert.deepEqual(
    met.map(({ answer }) => answer.status),
    [409, 200],
  );
  const [before] = met;
  assert.equal(JSON.parse(before?.text ?? "").error.code, "approval_pending");
  const { headers } = before?.answer ?? assert.fail();
  assert.match(headers.get("retry-after") ?? "", /^\d+$/);
  assert.equal(headers.get("x-should-retry"), "true");
  assert.ok(headers.get("location")?.endsWith(silent.id), headers.get("location") ?? "no location");
  assert.equal((await completionOf(second, headers.get("x-portcullis-call")))?.outcome, "held");

  assert.deepEqual(
    (await byAiSdk).toolCalls.map(({ toolCallId }) => toolCallId),
    [mailId],
  );
  // LangChain takes a 409 for final. Asked again by whoever uses it, it gets what waits all the same.
  const again = await langChain.invoke("Write it for LangChain");
  assert.deepEqual(
    again.tool_calls?.map(({ id }) => id),
    [mailId],
  );

  const text = textOf(told);
  assert.ok(text.startsWith(`${said}\n\n[Portcullis] The tool call \`send_email\` waits`), text);
  assert.match(text, /\[portcullis-resume:v1\.[^\]]+\]$/);
  assert.ok(told.endsWith("data: [DONE]\n\n"));
  await decide(second, token, streamed);
  const request = JSON.parse(mailBody("Write it, word by word"));
  request.messages.push({ role: "assistant", content: text }, { role: "user", content: "Go on" });
  const resumed = await askMail(second, key, JSON.stringify(request));
  const { choices } = JSON.parse(await resumed.text());
  assert.equal(choices[0].message.tool_calls[0].function.arguments, mail);
  assert.equal(upstream.bodies.length, 4, "the model was asked once for each");
  await second.stop();
});

function aiSdk(url: string, apiKey: string, over: typeof fetch) {
  const provider = createOpenAICompatible({ name: "gate", baseURL: `${url}/v1`, apiKey, fetch: over });
  const send_email = tool({ inputSchema: jsonSchema({ type: "object" }), execute: async () => "done" });
  return generateText({ model: provider("up/m"), prompt: "Write it for the AI SDK", tools: { send_email } });
}

/** The text of a stream as a client puts it together; nothing else comes in it. */
function textOf(stream: string): string {
  return stream
    .split("\n\n")
    .filter((event) => event.startsWith("data: {"))
    .map((event) => {
      const [choice] = JSON.parse(event.slice("data: ".length)).choices;
      assert.equal(choice?.delta.tool_calls, undefined);
      return choice?.delta.content ?? "";
    })
    .join("");
}
