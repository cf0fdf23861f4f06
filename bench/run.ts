// `npm run bench`: the same load against the upstream itself, a bare proxy and Portcullis, in one go on this machine.
// What counts is the ratio: machines differ, and this one is not alone. The server under test has one core, upstream and
// load share another.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { startCluster } from "../src/storage/postgres/cluster.test-support.ts";
import { benchPolicies, policyCount } from "./policies.ts";
import { type Measured, report } from "./report.ts";

const { values: options } = parseArgs({
  options: {
    connections: { type: "string", default: "32" },
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "5" },
    "warm-up": { type: "string", default: "10" },
    "cpu-prof": { type: "string" },
    /** Another checkout, to be measured in the same rounds. */
    beside: { type: "string" },
    /** `sqlite`, or `postgres` on a server of its own. */
    database: { type: "string", default: "sqlite" },
    /** `json`, `stream`, or both. */
    kind: { type: "string", default: "both" },
  },
});
const cluster = options.database === "postgres" ? await startCluster({ shared_buffers: "256MB" }) : null;
const connections = Number(options.connections);
const measureMs = Number(options.seconds) * 1000;
const rounds = Number(options.rounds);
const warmUpMs = Number(options["warm-up"]) * 1000;
const pinned = availableParallelism() >= 2 && spawnSync("taskset", ["--version"]).status === 0;
const started: ChildProcess[] = [];

interface Server {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly path: string;
  readonly key: string;
}

function start(core: number, command: string, args: readonly string[], env = process.env): ChildProcess {
  const [file, all] = pinned ? ["taskset", ["-c", String(core), command, ...args]] : [command, [...args]];
  const child = spawn(file, all, { stdio: ["ignore", "pipe", "inherit"], env });
  started.push(child);
  return child;
}

const source = (name: string): string => join(import.meta.dirname, name);
const underTest = 0;
const aside = 1;

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("no standard output");
  const [line] = await once(createInterface(child.stdout), "line");
  return String(line);
}

async function startNode(name: string, core: number, script: string, ...args: string[]): Promise<Server> {
  const child = start(core, process.execPath, [source(script), ...args]);
  const port = Number(await firstLine(child));
  return { name, port, pid: child.pid ?? 0, path: "/v1/chat/completions", key: "none" };
}

async function startPortcullis(name: string, checkout: string, upstream: number): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-bench-"));
  const database = cluster === null ? "" : `database: ${cluster.url(await cluster.newDatabase())}\n`;
  folders.push(folder);
  writeFileSync(
    join(folder, "portcullis.yaml"),
    `${database}providers:
  bench: { type: openai, base_url: "http://127.0.0.1:${upstream}/v1" }
applications:
  - { name: assistant }
prices:
  bench/gpt-bench: { input: 0.15, output: 0.6, cached_input: 0.075 }
log: { level: warn }
`,
  );
  await mkdir(join(folder, "policies"));
  writeFileSync(join(folder, "policies", "bench.cedar"), benchPolicies());
  const profile = options["cpu-prof"];
  const env =
    profile === undefined
      ? process.env
      : { ...process.env, NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${resolve(profile)}` };
  const gateway = resolve(checkout, "bin/portcullis");
  const child = start(underTest, gateway, ["up", "--dir", folder, "--listen", "127.0.0.1:0"], env);
  const printed = await greeting(child);
  const [, port = ""] = /at http:\/\/[^:]+:(\d+)/.exec(printed) ?? [];
  const [key = ""] = /pcl_[\w-]+/.exec(printed) ?? [];
  return { name, port: Number(port), pid: child.pid ?? 0, path: "/v1/chat/completions", key };
}

/** All that `up` prints until its snippets are complete. */
function greeting(child: ChildProcess): Promise<string> {
  return new Promise((resolved, rejected) => {
    let printed = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes("await client.chat")) resolved(printed);
    });
    child.once("exit", (code) => rejected(new Error(`the gateway ended with ${code}`)));
  });
}

/** Clock ticks (hundredths of a second) that the process has used. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

function rssMiB(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}

async function measure(server: Server, stream: boolean, forMs: number): Promise<Measured> {
  const plan = { ...server, stream, connections, warmUpMs: 500, measureMs: forMs };
  const load = start(aside, process.execPath, [source("load.ts"), JSON.stringify(plan)]);
  const lines = createInterface({ input: load.stdout ?? process.stdin })[Symbol.asyncIterator]();
  // The load says when it begins to measure.
  await lines.next();
  const before = cpuTicks(server.pid);
  const from = performance.now();
  const result = JSON.parse(String((await lines.next()).value));
  const cpuShare = ((cpuTicks(server.pid) - before) * 10) / (performance.now() - from);
  return { ...result, cpuShare, rssMiB: rssMiB(server.pid) };
}

async function stop(): Promise<void> {
  for (const child of started.reverse()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  await cluster?.close();
}

const folders: string[] = [];
try {
  const [cpu] = cpus();
  console.log(
    `Node ${process.version}, ${cpu?.model ?? "unknown processor"}; ${pinned ? "server under test on one core, upstream and load on another" : "not pinned: taskset or a second core is missing, so ratios are rough"}`,
  );
  console.log(
    `Portcullis with ${policyCount} policies, durable trail (data in ${tmpdir()}) and usage on; ${options.database}`,
  );
  const upstream = await startNode("direct", aside, "fixed-upstream.ts");
  const servers = [
    upstream,
    await startNode("bare proxy", underTest, "bare-proxy.ts", `http://127.0.0.1:${upstream.port}`),
    await startPortcullis("Portcullis", resolve(import.meta.dirname, ".."), upstream.port),
    ...(options.beside === undefined
      ? []
      : [await startPortcullis("the other", resolve(options.beside), upstream.port)]),
  ];
  for (const stream of options.kind === "both" ? [false, true] : [options.kind === "stream"]) {
    const results = new Map<string, Measured[]>(servers.map((server) => [server.name, []]));
    // Code is compiled as it is used: the first tens of thousands of calls say nothing of the rest.
    for (const server of servers) await measure(server, stream, warmUpMs);
    for (let round = 0; round < rounds; round += 1) {
      // Forth and back: whoever comes first in a round has the machine fresher.
      const order = round % 2 === 0 ? servers : servers.toReversed();
      for (const server of order) results.get(server.name)?.push(await measure(server, stream, measureMs));
    }
    const kind = stream ? "streams of 35 events" : "JSON";
    report(
      `${kind}, ${connections} connections, median of ${rounds} rounds of ${options.seconds} s`,
      results,
    );
  }
} finally {
  await stop();
  for (const folder of folders) rmSync(folder, { recursive: true });
}
