// A real gateway for tests: its own process, its own folder, a free port. Closing it verifies its trail.

import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const command = resolve(import.meta.dirname, "../../bin/portcullis");

/** Longer than `limits.drain` is by default: a gateway that has not drained by then never will. */
const patience = 45_000;

export interface TestGateway {
  readonly folder: string;
  readonly url: string;
  /** Null when the folder had a key before this start. */
  readonly key: string | null;
  readonly output: string;
  readonly pid: number;
  /** Resolves when it has ended, however that came about. */
  readonly ended: Promise<unknown>;
  cli(...args: readonly string[]): {
    readonly status: number | null;
    readonly stdout: string;
    readonly stderr: string;
  };
  /** Sends SIGHUP and resolves with the line of the log that then says `said`. */
  hangUp(said: string): Promise<string>;
  /** Stops it in the middle of whatever it does, or lets it go on. */
  freeze(frozen: boolean): void;
  /** Has it drain; `ended` says when it has. */
  drain(): void;
  /** Ends without warning, and leaves the folder. */
  kill(): Promise<void>;
  /** Drains, verifies the trail, and leaves the folder. */
  stop(): Promise<void>;
  /** As `stop`, then removes the folder. */
  close(): Promise<void>;
}

export function testFolder(files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-test-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** `environment` is added to this process's own. `port` is for one that comes back where it was. */
export async function startGateway(
  folder: string = testFolder(),
  environment: Readonly<Record<string, string>> = {},
  port = 0,
): Promise<TestGateway> {
  const child = spawn(command, ["up", "--dir", folder, "--listen", `127.0.0.1:${port}`], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  const ended = once(child, "exit");
  const output = await listening(child);
  const cli = (...args: readonly string[]) =>
    spawnSync(command, [...args, "--dir", folder], { encoding: "utf8" });
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    if (child.exitCode === null) await drained(child);
    assert.equal(child.exitCode, 0, "the gateway drains and exits cleanly");
    const verified = cli("audit", "verify", "--replay", "--payloads");
    assert.equal(verified.status, 0, verified.stdout + verified.stderr);
  };
  return {
    folder,
    url: /at (http:\S+)/.exec(output)?.[1] ?? "",
    key: /pcl_[\w-]+/.exec(output)?.[0] ?? null,
    output,
    pid: child.pid ?? 0,
    ended,
    cli,
    stop,
    hangUp: (said) => {
      const line = lineThatSays(child, said);
      child.kill("SIGHUP");
      return line;
    },
    drain: () => void child.kill("SIGTERM"),
    freeze: (frozen) => void child.kill(frozen ? "SIGSTOP" : "SIGCONT"),
    kill: async () => {
      if (child.exitCode !== null) return;
      child.kill("SIGKILL");
      if (child.signalCode === null) await once(child, "exit");
    },
    close: async () => {
      await stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** Kills a gateway that does not end, so that the test fails instead of waiting for ever. */
async function drained(child: ChildProcess): Promise<void> {
  try {
    await once(child, "exit", { signal: AbortSignal.timeout(patience) });
  } catch {
    child.kill("SIGKILL");
    assert.fail(`the gateway has not drained within ${patience} ms`);
  }
}

function lineThatSays(child: ChildProcess, said: string): Promise<string> {
  return new Promise((resolved, rejected) => {
    let stderr = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
      const line = stderr.split("\n").find((one) => one.includes(said) && one.endsWith("}"));
      if (line !== undefined) resolved(line);
    });
    child.once("exit", (code) => rejected(new Error(`the gateway ended with ${code}: ${stderr}`)));
  });
}

/** What the gateway prints until it says on stderr that it listens. */
function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolved, rejected) => {
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
      if (stderr.includes('"listening"')) resolved(stdout);
    });
    child.once("exit", (code) => rejected(new Error(`the gateway ended with ${code}: ${stderr}`)));
  });
}
