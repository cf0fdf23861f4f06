// A real witness for tests: its own process, its own folder, a port that stays its own over restarts.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { freePort } from "./free-port.ts";
import { testFolder } from "./test-gateway.ts";

const command = resolve(import.meta.dirname, "../../bin/portcullis");

export interface TestWitness {
  readonly folder: string;
  readonly port: number;
  readonly url: string;
  readonly vkey: string;
  /** Ends without warning, and leaves the folder. */
  kill(): Promise<void>;
  /** Ends in order, and leaves the folder. */
  stop(): Promise<void>;
}

/** Cosigns for this log. With `last` it is the same witness once more, on the folder that it has left. */
export async function startWitness(
  name: string,
  logVkey: string,
  last?: Pick<TestWitness, "folder" | "port">,
): Promise<TestWitness> {
  const folder = last?.folder ?? testFolder();
  const port = last?.port ?? (await freePort());
  const config = join(folder, "witness.yaml");
  if (!existsSync(config))
    writeFileSync(config, `name: ${name}\nlisten: 127.0.0.1:${port}\nlogs:\n  - vkey: "${logVkey}"\n`);
  const child = spawn(command, ["witness", "--config", config], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  const vkey = await new Promise<string>((resolved, rejected) => {
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      const [, key] = /^(\S+\+[0-9a-f]{8}\+\S+)$/m.exec(stdout) ?? [];
      if (key !== undefined) resolved(key);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once("exit", (code) => rejected(new Error(`the witness ended with ${code}: ${stderr}`)));
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await ended;
  };
  return {
    folder,
    port,
    url: `http://127.0.0.1:${port}`,
    vkey,
    kill: () => end("SIGKILL"),
    stop: async () => {
      await end("SIGTERM");
      assert.equal(child.exitCode, 0, "the witness stops in order");
    },
  };
}
