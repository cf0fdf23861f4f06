// A gateway before a model that proposes to write an e-mail until it sees that it was written, and the people who sign it off.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { ApprovalSummary } from "../../src/http/admin/approvals.ts";
import { asOperator } from "./admin-bench.ts";
import { asOwner } from "./held-call.ts";
import { type ScriptedUpstream, scriptedUpstream } from "./scripted-upstream.ts";
import { type TestGateway, testFolder } from "./test-gateway.ts";

/** As the model writes it, which nobody else would. */
export const mail = '{ "to" :"\\u0061na@example.com",\n\t"copies": 1.50 }';
export const mailId = "call_Mail-7";
export const said = "I will write.";
export const sent = "It is written.";

type Mode = "whole" | "stream";

/** What the model proposes, byte for byte. */
export const proposal: Readonly<Record<Mode, string>> = {
  whole: JSON.stringify({
    ...{ id: "chatcmpl-1", object: "chat.completion", created: 1, model: "m" },
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: said,
          tool_calls: [{ id: mailId, type: "function", function: { name: "send_email", arguments: mail } }],
        },
        finish_reason: "tool_calls",
      },
    ],
    usage: { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 },
  }),
  stream: events(
    { role: "assistant", content: said },
    {
      tool_calls: [
        { index: 0, id: mailId, type: "function", function: { name: "send_email", arguments: "" } },
      ],
    },
    { tool_calls: [{ index: 0, function: { arguments: mail.slice(0, 9) } }] },
    { tool_calls: [{ index: 0, function: { arguments: mail.slice(9) } }] },
    "tool_calls",
  ),
};

/** What it says once it has seen that. */
export const written: Readonly<Record<Mode, string>> = {
  whole: JSON.stringify({
    ...{ id: "chatcmpl-2", object: "chat.completion", created: 1, model: "m" },
    choices: [{ index: 0, message: { role: "assistant", content: sent }, finish_reason: "stop" }],
    usage: { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 },
  }),
  stream: events({ role: "assistant", content: sent }, "stop"),
};

function events(...parts: readonly (object | string)[]): string {
  const chunks = parts.map((part) => {
    const [delta, finish] = typeof part === "string" ? [{}, part] : [part, null];
    const choices = [{ index: 0, delta, finish_reason: finish }];
    return `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m", choices })}\n\n`;
  });
  return `${chunks.join("")}data: [DONE]\n\n`;
}

export async function mailModel(t: Pick<TestContext, "after">): Promise<ScriptedUpstream> {
  const upstream = await scriptedUpstream((response, _request, body) => {
    const { stream = false, messages } = JSON.parse(body.toString());
    const answers = messages.at(-1).role === "tool" ? written : proposal;
    response.writeHead(200, { "content-type": stream ? "text/event-stream" : "application/json" });
    response.end(stream ? answers.stream : answers.whole);
  });
  t.after(() => upstream.close());
  return upstream;
}

export interface MailTerms {
  readonly quorum?: number;
  /** YAML of `approvals`. */
  readonly approvals?: string;
  /** More YAML of the sign-off, and of the config. */
  readonly signOff?: string;
  readonly more?: string;
}

/** Ana and Ben are who may sign off. */
export function mailConfig(upstream: Pick<ScriptedUpstream, "baseUrl">, terms: MailTerms = {}): string {
  const { quorum = 1, approvals = "{}", signOff = "", more = "" } = terms;
  return `${more}providers:
  up: { type: openai, base_url: "${upstream.baseUrl}" }
groups: { operators: [ana@example.com, ben@example.com] }
sign_offs:
  default: { approvers: ["group:operators"], quorum: ${quorum}${signOff} }
approvals: ${approvals}
applications:
  - { name: assistant }
`;
}

export function mailFolder(t: Pick<TestContext, "after">, config: string): string {
  const folder = testFolder({ "portcullis.yaml": config });
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Lets somebody in; their token. */
export async function invite(
  gateway: Pick<TestGateway, "url" | "folder">,
  name: "ana" | "ben",
): Promise<string> {
  const invited = await asOwner(gateway)("POST", "/operators", { name: `${name}@example.com` });
  assert.equal(invited.status, 201, invited.text);
  return invited.json.token;
}

/** All that wait, once there are so many. */
export async function pending(
  gateway: Pick<TestGateway, "url">,
  token: string,
  count = 1,
): Promise<readonly ApprovalSummary[]> {
  const ask = asOperator(gateway.url, token);
  for (;;) {
    const { status, json, text } = await ask("GET", "/approvals?state=pending&limit=200");
    assert.equal(status, 200, text);
    if (json.approvals.length >= count) return json.approvals;
    await delay(10);
  }
}

export async function decide(
  gateway: Pick<TestGateway, "url">,
  token: string,
  { id, digest }: Pick<ApprovalSummary, "id" | "digest">,
  decision: "approve" | "reject" = "approve",
  reason?: string,
): Promise<void> {
  const ballot = { decision, digest, ...(reason === undefined ? {} : { reason }) };
  const { status, text } = await asOperator(gateway.url, token)("POST", `/approvals/${id}/votes`, ballot);
  assert.equal(status, 200, text);
}

export function mailBody(content: string, mode: Mode = "whole"): string {
  const tools = [{ type: "function", function: { name: "send_email", parameters: { type: "object" } } }];
  return JSON.stringify({
    ...{ model: "up/m", messages: [{ role: "user", content }], tools },
    ...(mode === "stream" ? { stream: true } : {}),
  });
}

/** The same body again is a retry of the same request. */
export function askMail(
  gateway: Pick<TestGateway, "url">,
  key: string,
  body: string,
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body,
    ...(signal === undefined ? {} : { signal }),
  });
}
