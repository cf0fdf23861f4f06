// 1,000 clients that wait for people at the same time: what each of them costs while it waits, and how soon a decision
// reaches its client. Clients, gateway and whoever decides share one machine, so the times are an upper bound. With the argument
// `postgres`, on a server of its own.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startCluster } from "../src/storage/postgres/cluster.test-support.ts";

const clients = 1000;
const seconds = 20;
const votesAtOnce = 4;
const agent = new Agent({ keepAlive: true, maxSockets: clients + 64 });

const cluster = process.argv[2] === "postgres" ? await startCluster({ shared_buffers: "256MB" }) : null;
const database = cluster === null ? "" : `database: "${cluster.url(await cluster.newDatabase())}"\n`;
const folder = mkdtempSync(join(tmpdir(), "portcullis-held-"));
writeFileSync(
  join(folder, "portcullis.yaml"),
  `providers: { demo: { type: demo } }
groups: { operators: [owner@localhost] }
applications: [{ name: assistant }]
approvals: { open_after: 1s, heartbeat: 5s, max_pending: { application: ${clients}, user: ${clients} } }
log: { level: warn }
${database}`,
);
const gateway = spawn(
  resolve(import.meta.dirname, "../bin/portcullis"),
  ["up", "--dir", folder, "--listen", "127.0.0.1:0"],
  { stdio: ["ignore", "pipe", "inherit"] },
);
const printed = await greeting(gateway);
const [, port = ""] = /at http:\/\/[^:]+:(\d+)/.exec(printed) ?? [];
const [key = ""] = /pcl_[\w-]+/.exec(printed) ?? [];
const { token } = JSON.parse(readFileSync(join(folder, "data", "operator.json"), "utf8"));
const pid = gateway.pid ?? 0;

for (let warm = 0; warm < 200; warm += 1) await call({ stream: true, content: "Hello" }).ended;
const before = usage(pid);
const calls = Array.from({ length: clients }, (_, at) =>
  call({ stream: at % 2 === 0, content: `send an email to person-${at}@example.com`, tools: true }),
);
const waiting = await allPending();
await sleep(2000);
const held = usage(pid);
const since = performance.now();
await sleep(seconds * 1000);
const idle = usage(pid);
const elapsed = performance.now() - since;
const beats = calls.reduce((sum, one) => sum + one.pieces(), 0);

const latencies: number[] = [];
const queue = [...waiting];
await Promise.all(
  Array.from({ length: votesAtOnce }, async () => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) latencies.push(await decide(next));
  }),
);
await Promise.all(calls.map(({ ended }) => ended));
latencies.sort((one, other) => one - other);
const at = (share: number): string => (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(1);
console.log(`${waiting.length} held at once (half of them streams), ${beats} pieces written to them`);
console.log(
  `memory: ${mib(before.rss)} MiB before, ${mib(held.rss)} MiB held, ${(((held.rss - before.rss) * 1024) / clients / 1024).toFixed(1)} KiB each`,
);
console.log(
  `processor while they wait: ${(((idle.cpuMs - held.cpuMs) / elapsed) * 100).toFixed(2)} % of one core`,
);
console.log(
  `a vote answered, to the last byte at its client: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(0.9999)} ms`,
);
gateway.kill("SIGTERM");
await once(gateway, "exit");
rmSync(folder, { recursive: true });
await cluster?.close();

interface Held {
  readonly content: string;
  readonly ended: Promise<number>;
  readonly pieces: () => number;
}

/** `ended` resolves with `performance.now()` of the last byte. */
function call({
  stream,
  content,
  tools = false,
}: {
  readonly stream: boolean;
  readonly content: string;
  readonly tools?: boolean;
}): Held {
  let pieces = 0;
  const ended = new Promise<number>((resolved, rejected) => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const made = request({ port, path: "/v1/chat/completions", method: "POST", headers, agent }, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => {
        pieces += 1;
        text += chunk.toString();
      });
      answer.on("end", () => {
        if (tools && !text.includes('"tool_calls"')) rejected(new Error(`no tool call came: ${text}`));
        else resolved(performance.now());
      });
    });
    made.on("error", rejected);
    const parameters = { type: "object", properties: { to: { type: "string" } } };
    const offered = tools
      ? { tools: [{ type: "function", function: { name: "send_email", parameters } }] }
      : {};
    const messages = [{ role: "user", content }];
    made.end(JSON.stringify({ model: "demo/assistant", stream, messages, ...offered }));
  });
  return { content, ended, pieces: () => pieces };
}

interface Pending {
  readonly id: string;
  readonly digest: string;
  readonly to: string;
}

async function allPending(): Promise<readonly Pending[]> {
  const found = new Map<string, Pending>();
  while (found.size < clients) {
    let next: string | null = "";
    while (next !== null) {
      const page: { readonly approvals: readonly Row[]; readonly next: string | null } = await api(
        `/api/approvals?state=pending&limit=100${next === "" ? "" : `&cursor=${next}`}`,
      );
      for (const { id, digest, arguments: args } of page.approvals) {
        found.set(id, { id, digest, to: String(JSON.parse(args).to) });
      }
      next = page.next;
    }
    await sleep(200);
  }
  return [...found.values()];
}

interface Row {
  readonly id: string;
  readonly digest: string;
  readonly arguments: string;
}

/** Milliseconds from the answer to the vote to the last byte at the client. A client that was faster than that waited 0. */
async function decide({ id, digest, to }: Pending): Promise<number> {
  const waiting = calls.find(({ content }) => content.endsWith(to));
  if (waiting === undefined) throw new Error(`nobody waits for ${to}`);
  await api(`/api/approvals/${id}/votes`, { decision: "approve", digest, reason: null });
  const voted = performance.now();
  return Math.max(0, (await waiting.ended) - voted);
}

async function api<Answer>(path: string, body?: object): Promise<Answer> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

function greeting(child: ChildProcess): Promise<string> {
  return new Promise((resolved, rejected) => {
    let said = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("await client.chat")) resolved(said);
    });
    child.once("exit", (code) => rejected(new Error(`the gateway ended with ${code}`)));
  });
}

/** Resident KiB, and processor time of all threads. */
function usage(process: number): { readonly rss: number; readonly cpuMs: number } {
  const [, kib] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${process}/status`, "utf8")) ?? [];
  const fields = readFileSync(`/proc/${process}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return { rss: Number(kib), cpuMs: (Number(fields[11]) + Number(fields[12])) * 10 };
}

function mib(kib: number): string {
  return (kib / 1024).toFixed(0);
}
