// `node bench/disk-growth.ts`: what a call costs on disk, by what is kept of it. Bytes, so the machine does not matter.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { calls: { type: "string", default: "4000" } } });
const calls = Number(values.calls);
const connections = 16;
const levels = ["none", "metadata", "request", "response"] as const;
const command = resolve(import.meta.dirname, "../bin/portcullis");
const body = JSON.stringify({
  model: "demo/assistant",
  messages: [{ role: "user", content: "why is the sky blue at noon and red at dusk? ".repeat(20) }],
});

console.log(`${calls} calls, request bodies of ${body.length} bytes\n`);
console.log("| `payloads` | bytes a call | beside 1,000,000 calls a day |\n|---|---|---|");
for (const level of levels) {
  const bytes = await bytesPerCall(level);
  console.log(
    `| \`${level}\` | ${Math.round(bytes)} | ${((bytes * 1e6) / 1024 ** 3).toFixed(1)} GiB a day |`,
  );
}

async function bytesPerCall(level: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-growth-"));
  writeFileSync(
    join(folder, "portcullis.yaml"),
    `providers: { demo: { type: demo } }\naudit: { payloads: ${level} }\napplications:\n  - { name: assistant }\nlog: { level: warn }\n`,
  );
  try {
    // The first calls fill pages that are there already.
    const key = await withGateway(folder, null, calls / 4);
    const before = databaseBytes(folder);
    await withGateway(folder, key, calls);
    return (databaseBytes(folder) - before) / calls;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs a gateway for so many calls; ended, it has folded its write-ahead log in. Returns the key. */
async function withGateway(folder: string, known: string | null, count: number): Promise<string> {
  const child = spawn(command, ["up", "--dir", folder, "--listen", "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { url, key } = await greeting(child, known);
  let left = count;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const answer = await fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body,
      });
      if (answer.status !== 200) throw new Error(`a call was answered ${answer.status}`);
      await answer.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  child.kill("SIGTERM");
  await once(child, "exit");
  return key;
}

async function greeting(child: ChildProcess, known: string | null): Promise<{ url: string; key: string }> {
  let said = "";
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk);
    const url = /at (http:\S+)/.exec(said)?.[1];
    const key = known ?? /pcl_[\w-]+/.exec(said)?.[0];
    if (url !== undefined && key !== undefined) return { url, key };
  }
  throw new Error(`the gateway did not start: ${said}`);
}

function databaseBytes(folder: string): number {
  return statSync(join(folder, "data", "portcullis.db")).size;
}
