// Clients of every kind at once, for a gateway that is about to be killed: what each was told, and what an upstream that is
// never done keeps open.

import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { type ScriptedUpstream, scriptedUpstream } from "./scripted-upstream.ts";
import type { TestGateway } from "./test-gateway.ts";

/** A call whose client has its whole answer: a JSON body, or a stream with `[DONE]`. */
export interface Told {
  readonly kind: Kind;
  readonly call: string;
  /** How its completion must read. */
  readonly outcome: "ok" | "held";
}

type Kind = "whole" | "held" | "stream" | "held stream" | "released" | "slow";

const tool = (name: string): object => ({ tools: [{ type: "function", function: { name } }] });
const calls: Readonly<
  Record<Kind, { body: object; status: number; says: RegExp; outcome: Told["outcome"] }>
> = {
  whole: { body: ask("demo/assistant", "Hello"), status: 200, says: /"choices"/, outcome: "ok" },
  held: {
    body: { ...ask("demo/assistant", "send an email"), ...tool("send_email") },
    status: 200,
    says: /waits for a sign-off/,
    outcome: "held",
  },
  stream: {
    body: { ...ask("demo/assistant", "Hello"), stream: true },
    status: 200,
    says: /data: \[DONE\]/,
    outcome: "ok",
  },
  "held stream": {
    body: { ...ask("demo/assistant", "send an email"), ...tool("send_email"), stream: true },
    status: 200,
    says: /waits for a sign-off.*data: \[DONE\]/s,
    outcome: "held",
  },
  released: {
    body: { ...ask("demo/assistant", "book a room"), ...tool("book_room"), stream: true },
    status: 200,
    says: /"tool_calls".*data: \[DONE\]/s,
    outcome: "ok",
  },
  slow: {
    body: { ...ask("slow/model", "Hello"), stream: true },
    status: 200,
    says: /data: \[DONE\]/,
    outcome: "ok",
  },
};
const kinds = Object.keys(calls) as Kind[];

let posted = 0;

function ask(model: string, content: string): object {
  return { model, messages: [{ role: "user", content }] };
}

export interface NeverDone extends ScriptedUpstream {
  /** Streams that are open now. */
  readonly open: () => number;
}

/** Keeps three streams open: the next that comes ends the oldest. */
export async function neverDone(): Promise<NeverDone> {
  const open = new Set<ServerResponse>();
  const upstream = await scriptedUpstream((response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write('data: {"id":"x","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n');
    open.add(response);
    response.once("close", () => open.delete(response));
    const [oldest] = open;
    if (open.size <= 3 || oldest === undefined) return;
    open.delete(oldest);
    oldest.end(
      'data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    );
  });
  return { ...upstream, open: () => open.size };
}

/**
 * Keeps clients of every kind busy until `most` calls and at least two of each kind are done, then kills the gateway with
 * the rest still under way. Returns what was told; a client that gets anything but its answer before the kill fails.
 */
export async function killUnderLoad(
  gateway: TestGateway,
  key: string,
  most: number,
): Promise<readonly Told[]> {
  const told: Told[] = [];
  const post = async (body: object, signal: AbortSignal | null = null): Promise<Response> =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      // The same once more would get what the one before it left waiting.
      body: JSON.stringify({ ...body, seed: posted++ }),
      signal,
    });
  let killed = false;
  const kill = async (): Promise<void> => {
    killed = true;
    await gateway.kill();
  };
  const call = async (kind: Kind): Promise<void> => {
    const { body, status, says, outcome } = calls[kind];
    const answer = await post(body);
    assert.equal(answer.status, status, kind);
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      // Of a stream this is the end, whether or not its connection still closes in order.
      if (says.test(text) && status === 200 && "stream" in body) break;
    }
    assert.match(text, says, kind);
    told.push({ kind, call: answer.headers.get("x-portcullis-call") ?? "", outcome });
    const enough = (one: Kind): boolean => told.filter((other) => other.kind === one).length >= 2;
    if (told.length >= most && kinds.every(enough)) await kill();
  };
  const leave = async (): Promise<void> => {
    const leaving = new AbortController();
    const answer = await post(calls.slow.body, leaving.signal);
    const reader = answer.body?.getReader();
    await reader?.read();
    leaving.abort();
    await reader?.closed.catch(() => {});
  };
  const busy = async (work: () => Promise<void>): Promise<void> => {
    while (!killed) {
      try {
        await work();
      } catch (fault) {
        if (killed) return;
        await kill();
        throw fault;
      }
    }
  };
  const clients = [...kinds, "slow", "slow", "slow"] as const;
  await Promise.all([...clients.map((kind) => busy(() => call(kind))), busy(leave)]);
  return told;
}
