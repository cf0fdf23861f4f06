// The callers of the soak: what they ask is new each time, as far as real callers' requests are, so that whatever the gateway
// remembers by what it is sent has to forget again. Over raw sockets; one call after the other on each connection.

import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ResponseReader } from "./http-framing.ts";

/** What goes wrong: the client leaves within a stream, before its answer, within its request; the upstream leaves; a refusal. */
export const faultKinds = [
  "left within",
  "left before",
  "left sending",
  "cut by upstream",
  "refused",
] as const;

export type CallKind = "json" | "stream" | "held open" | (typeof faultKinds)[number];

export interface Callers {
  readonly port: number;
  readonly keys: readonly string[];
  readonly connections: number;
}

/** By the kind of call and what became of it: how many. */
export type Outcomes = Map<string, number>;

/** Users who come again and again. */
const regulars = 5000;
const regularsWithFaults = 50;
/** Most that a client waits who then leaves. */
const patienceMs = 50;

/** Streams on connections of their own that the upstream lets nobody finish. */
export interface OpenStreams {
  /** Resolves when each has begun. */
  readonly begun: Promise<unknown>;
  /** Resolves when all are over. */
  readonly over: Promise<unknown>;
}

export function openStreams(callers: Callers, first: number, count: number, outcomes: Outcomes): OpenStreams {
  const streams = Array.from({ length: count }, (_, at) => {
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const over = connected(callers.port).then(async (socket) => {
      socket.once("data", () => resolve());
      const bytes = request("held open", first + at, callers.keys);
      noteOutcome(outcomes, `held open: ${await exchange(socket, "held open", bytes)}`);
      socket.destroy();
      resolve();
    });
    return { begun, over };
  });
  return {
    begun: Promise.all(streams.map(({ begun }) => begun)),
    over: Promise.all(streams.map(({ over }) => over)),
  };
}

/** Makes `count` calls, `kindOf` the number of each, counted from `first`. Resolves when all are over, connections closed. */
export async function makeCalls(
  callers: Callers,
  first: number,
  count: number,
  kindOf: (at: number) => CallKind,
  outcomes: Outcomes,
): Promise<void> {
  let next = first;
  const caller = async (): Promise<void> => {
    let connection: Socket | null = null;
    while (next < first + count) {
      const at = next;
      next += 1;
      if (connection === null || connection.destroyed) connection = await connected(callers.port);
      const kind = kindOf(at);
      const became = await exchange(connection, kind, request(kind, at, callers.keys));
      noteOutcome(outcomes, `${kind}: ${became}`);
      // Where others need the machine the gateway may have no time to sign, and then says so.
      if (became.startsWith("503")) await sleep(1000);
    }
    connection?.destroy();
  };
  await Promise.all(Array.from({ length: callers.connections }, caller));
}

function noteOutcome(outcomes: Outcomes, outcome: string): void {
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}

/** Whether this is what becomes of such calls where nothing is wrong. */
export function isExpected(outcome: string): boolean {
  return /^(json: 200|(?:stream|held open): 200 whole|left \w+: left|cut by upstream: 200 broken|refused: 4\d\d)$/.test(
    outcome,
  );
}

async function connected(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve).once("error", reject);
  });
  socket.removeAllListeners("error").on("error", () => {});
  return socket;
}

/** Resolves with what became of it. */
function exchange(socket: Socket, kind: CallKind, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const over = (became: string): void => {
      socket.off("data", push).off("close", closed);
      resolve(became);
    };
    const closed = (): void => over("connection closed");
    const reader = new ResponseReader((status, response) => {
      const streamed = kind !== "json" && kind !== "refused";
      over(`${status}${streamed ? (response.includes("data: [DONE]") ? " whole" : " broken") : ""}`);
      if (/^connection: close\r/im.test(response.toString("latin1", 0, 2000))) socket.destroy();
    });
    const leave = (): void => {
      over("left");
      socket.destroy();
    };
    const push = (data: Buffer): void => {
      if (kind === "left within" && data.includes("delta")) leave();
      else reader.push(data);
    };
    socket.on("data", push).once("close", closed);
    // By then some of them are with the upstream, and some are not decided yet.
    if (kind === "left before") setTimeout(leave, Math.random() * patienceMs);
    socket.write(kind === "left sending" ? bytes.subarray(0, -100) : bytes, () => {
      if (kind === "left sending") setTimeout(leave, Math.random() * patienceMs);
    });
  });
}

function request(kind: CallKind, at: number, keys: readonly string[]): Buffer {
  const hostile = kind === "refused" ? at % 5 : null;
  const body = Buffer.from(hostile === 0 ? `{"model":"bench/gpt-bench",` : bodyOf(kind, at));
  const key = hostile === 1 ? `pcl_nobody${at}` : keys[at % keys.length];
  const head = [
    "POST /v1/chat/completions HTTP/1.1",
    "host: 127.0.0.1",
    `authorization: Bearer ${key}`,
    "content-type: application/json",
    ...(at % 10 === 0 ? [`idempotency-key: soak-${at}`] : []),
    ...(at % 10 === 1 ? [`traceparent: 00-${at.toString(16).padStart(32, "0")}-00f067aa0ba902b7-01`] : []),
    `content-length: ${body.length}`,
  ].join("\r\n");
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body]);
}

function bodyOf(kind: CallKind, at: number): string {
  const stream = kind !== "json" && kind !== "refused";
  // Calls that fail are asked for alike: what would be remembered of them is not what they are made for.
  const varies = kind === "json" || kind === "stream";
  const mail = at % 20 === 2 ? ` Write to person-${at}@example.com.` : "";
  return JSON.stringify({
    model: modelOf(kind, at),
    messages: [
      { role: "system", content: "You are a helpful assistant. Answer briefly and plainly." },
      { role: "user", content: `Question ${at}: ${"why is the sky blue at noon? ".repeat(4)}${mail}` },
    ],
    user: userOf(varies, at),
    stream,
    ...(stream ? { stream_options: { include_usage: true } } : {}),
    ...(varies && at % 50 === 3 ? { max_tokens: 1 + (at % 4096) } : {}),
    ...(varies && at % 50 === 4 ? { tools: [toolNamed(`tool-of-${at}`)] } : {}),
  });
}

/** One of four is by somebody who is never seen again. */
function userOf(varies: boolean, at: number): string {
  if (!varies) return `regular-${at % regularsWithFaults}`;
  return at % 4 === 0 ? `guest-${at}` : `regular-${(at * 7919) % regulars}`;
}

/** One of 50 names a model that nobody has named before. */
function modelOf(kind: CallKind, at: number): string {
  if (kind === "left within" || kind === "held open") return "bench/gpt-halt";
  if (kind === "left before") return "bench/gpt-mute";
  if (kind === "cut by upstream") return "bench/gpt-cut";
  if (kind === "refused") {
    return ["bench/gpt-bench", "bench/gpt-bench", "bench/retired-0", `nowhere/m-${at}`, ""][at % 5] ?? "";
  }
  return at % 50 === 5 ? `bench/m-${at}` : "bench/gpt-bench";
}

function toolNamed(name: string): object {
  const parameters = { type: "object", properties: { to: { type: "string" } } };
  return { type: "function", function: { name, parameters } };
}
