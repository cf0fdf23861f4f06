// The gateway of the soak and the upstream behind it, as processes; and everything that can be read of how large it is.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { freePort } from "../test/e2e/free-port.ts";
import { benchPolicies } from "./policies.ts";
import type { ProbeReading } from "./soak-probe.ts";

const applications = ["assistant", "search", "reports", "mail"];
const keysEach = 2;

/** Of every call one fact more than in the benchmark: who is asking. Decisions are remembered by user, and forgotten. */
const byUser = `@id("soak-user") @reason("this user may ask nothing") forbid (principal, action, resource)
when { context has user && context.user == "nobody" };`;

/** What was used of every user and application is counted too, and reserved before each call. */
const budgets = `@id("soak-budget") @reason("a budget is used up")
forbid (principal, action in [Portcullis::Action::"chat", Portcullis::Action::"embed"], resource)
when { context.spend.month > 500000000000 || (context.rate has user && context.rate.user.hour > 100000) };`;

export interface Reading extends ProbeReading {
  /** Database and write-ahead log, in bytes. */
  readonly disk: number;
  readonly walBytes: number;
  /** Of `/metrics`: the gauges by name without labels, and how many series there are. */
  readonly gauges: ReadonlyMap<string, number>;
  readonly series: number;
}

export class SoakGateway {
  readonly port: number;
  readonly keys: readonly string[];
  readonly #folder: string;
  readonly #metricsPort: number;
  readonly #processes: readonly ChildProcess[];

  private constructor(
    at: { readonly port: number; readonly metricsPort: number; readonly folder: string },
    keys: readonly string[],
    processes: readonly ChildProcess[],
  ) {
    this.port = at.port;
    this.keys = keys;
    this.#folder = at.folder;
    this.#metricsPort = at.metricsPort;
    this.#processes = processes;
  }

  /** `counting`: with policies that read what was used. `concurrency`: calls that may be under way at once. */
  static async start(counting: boolean, concurrency: number): Promise<SoakGateway> {
    const folder = mkdtempSync(join(tmpdir(), "portcullis-soak-"));
    const metricsPort = await freePort();
    const upstream = spawn(process.execPath, [join(import.meta.dirname, "fixed-upstream.ts")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [upstreamPort] = await once(createInterface({ input: upstream.stdout }), "line");
    writeConfig(folder, { upstreamPort: Number(upstreamPort), metricsPort, counting, concurrency });
    const gateway = spawn(
      resolve(import.meta.dirname, "../bin/portcullis"),
      ["up", "--dir", folder, "--listen", "127.0.0.1:0"],
      { stdio: ["ignore", "pipe", "inherit"], env: probed(folder) },
    );
    const port = await listening(gateway);
    const at = { port, metricsPort, folder };
    return new SoakGateway(at, await makeKeys(folder, port), [gateway, upstream]);
  }

  /** To be asked for while no call is under way: what calls under way take up is no growth. */
  async read(): Promise<Reading> {
    const metrics = await this.#metrics();
    const probe: ProbeReading = JSON.parse(await text(connect(join(this.#folder, "probe"))));
    const walBytes = fileBytes(join(this.#folder, "data", "portcullis.db-wal"));
    const disk = fileBytes(join(this.#folder, "data", "portcullis.db"));
    return { ...probe, ...metrics, walBytes, disk };
  }

  /** The upstream finishes what it has halted. */
  letFinish(): void {
    for (const child of this.#processes.slice(1)) child.kill("SIGUSR2");
  }

  /** Ends both, and removes what they wrote. */
  async close(): Promise<void> {
    for (const child of this.#processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGTERM");
      await once(child, "exit");
    }
    rmSync(this.#folder, { recursive: true });
  }

  async #metrics(): Promise<Pick<Reading, "gauges" | "series">> {
    const answer = await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`, {
      headers: { connection: "close" },
    });
    const lines = (await answer.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    const gauges = lines.flatMap((line): readonly (readonly [string, number])[] => {
      const [, name, value] = /^(\w+) (\S+)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, Number(value)]];
    });
    return { gauges: new Map(gauges), series: lines.length };
  }
}

interface Setup {
  readonly upstreamPort: number;
  readonly metricsPort: number;
  readonly counting: boolean;
  readonly concurrency: number;
}

function writeConfig(folder: string, { upstreamPort, metricsPort, counting, concurrency }: Setup): void {
  writeFileSync(
    join(folder, "portcullis.yaml"),
    `providers:
  bench: { type: openai, base_url: "http://127.0.0.1:${upstreamPort}/v1" }
applications:
${applications.map((name) => `  - { name: ${name} }`).join("\n")}
prices:
  bench/gpt-bench: { input: 0.15, output: 0.6, cached_input: 0.075 }
metrics: { listen: "127.0.0.1:${metricsPort}" }
limits: { concurrency: ${concurrency} }
log: { level: error }
`,
  );
  mkdirSync(join(folder, "policies"));
  writeFileSync(
    join(folder, "policies", "soak.cedar"),
    [benchPolicies(), byUser, ...(counting ? [budgets] : [])].join("\n"),
  );
}

function probed(folder: string): NodeJS.ProcessEnv {
  const probe = pathToFileURL(join(import.meta.dirname, "soak-probe.ts")).href;
  const given = process.env["NODE_OPTIONS"] ?? "";
  return {
    ...process.env,
    NODE_OPTIONS: `${given} --expose-gc --import=${probe}`,
    SOAK_PROBE: join(folder, "probe"),
  };
}

function listening(gateway: ChildProcess): Promise<number> {
  return new Promise((resolved, rejected) => {
    let printed = "";
    gateway.stdout?.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
      const [, port] = /at http:\/\/[^:]+:(\d+)/.exec(printed) ?? [];
      if (port !== undefined && printed.includes("await client.chat")) resolved(Number(port));
    });
    gateway.once("exit", (code) => rejected(new Error(`the gateway ended with ${code}`)));
  });
}

async function makeKeys(folder: string, port: number): Promise<readonly string[]> {
  const { token } = JSON.parse(readFileSync(join(folder, "data", "operator.json"), "utf8"));
  const made = applications.flatMap((application) =>
    Array.from({ length: keysEach }, async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/api/keys`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ application }),
      });
      if (answer.status !== 201) throw new Error(`no key was made: ${answer.status} ${await answer.text()}`);
      const { key }: { readonly key: string } = JSON.parse(await answer.text());
      return key;
    }),
  );
  return Promise.all(made);
}

function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
