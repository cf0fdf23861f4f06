// aimock (https://aimock.copilotkit.dev) as an upstream: somebody else's idea of OpenAI's API, in a process of its own.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";

const command = resolve(import.meta.dirname, "../../node_modules/.bin/llmock");
const fixtures = resolve(import.meta.dirname, "aimock-fixtures.json");

export interface Aimock {
  /** With `/v1`, as an SDK wants it. */
  readonly baseUrl: string;
  /** The body of the last request that reached it, parsed. */
  lastBody(): Promise<Readonly<Record<string, unknown>>>;
  close(): Promise<void>;
}

/** Small parts, so that every answer of a stream comes in many. */
export async function startAimock(): Promise<Aimock> {
  const child = spawn(
    process.execPath,
    [command, "-p", "0", "-c", "7", "--validate-on-load", "-f", fixtures],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const url = await listening(child);
  return {
    baseUrl: `${url}/v1`,
    lastBody: async () => {
      const entries: readonly { body: Record<string, unknown> }[] = Object(
        await (await fetch(`${url}/__aimock/journal`)).json(),
      );
      return entries.at(-1)?.body ?? {};
    },
    close: async () => {
      child.kill("SIGKILL");
      if (child.signalCode === null && child.exitCode === null) await once(child, "exit");
    },
  };
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolved, rejected) => {
    let output = "";
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      const [, url] = /listening on (http:\S+)\n/.exec(output) ?? [];
      if (url !== undefined) resolved(url);
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("exit", (code) => rejected(new Error(`aimock ended with ${code}: ${output}`)));
  });
}
