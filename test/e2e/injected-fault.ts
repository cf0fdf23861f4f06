// Faults of the disk under a running gateway, by strace: its system calls return an error or kill it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { withoutCommand } from "./needs.ts";

export const withoutStrace = withoutCommand("strace", "`apt-get install strace` brings it");

export interface InjectedFault {
  /** From now on the system calls work again. */
  end(): Promise<void>;
}

/**
 * `calls` are system calls separated by commas, `fault` is what strace's `inject=` takes: `error=EIO`,
 * `signal=KILL:when=3`. Resolves when it is in force in every thread.
 */
export async function injectFault(pid: number, calls: string, fault: string): Promise<InjectedFault> {
  const options = ["-f", "-p", String(pid), "-o", "/dev/null", "-e", `trace=${calls}`];
  const strace = spawn("strace", [...options, "-e", `inject=${calls}:${fault}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(strace, "exit");
  let said = "";
  for await (const chunk of strace.stderr) {
    said += String(chunk);
    if (said.includes("attached")) break;
  }
  assert.match(said, /attached/, "strace may follow the gateway (ptrace)");
  const look = setInterval(() => {
    if (isDead(pid)) strace.kill("SIGKILL");
  }, 500).unref();
  void ended.then(() => clearInterval(look));
  return {
    end: async () => {
      strace.kill("SIGINT");
      await ended;
    },
  };
}

/**
 * Whether it was killed and nobody has taken note: strace 6.1 sometimes waits for ever for a thread that has ended, and as
 * long as it does the process has not ended for its parent either.
 */
function isDead(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return true;
  }
}
