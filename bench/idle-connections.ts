// 50,000 connections that say nothing, against a gateway that may have 10,000: whether calls still get through, and what
// they cost. Each of five processes opens its share, from a loopback address of its own.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const processes = 5;
const each = 10_000;
const most = 10_000;
const [role, port = "0", address = "127.0.0.1"] = process.argv.slice(2);

if (role === "idle") await holdIdle(Number(port), address);
else await measure();

/** Opens them a hundred at a time, and says how many still are open when all were opened. */
async function holdIdle(to: number, from: string): Promise<void> {
  let open = 0;
  for (let opened = 0; opened < each; opened += 100) {
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const socket = connect({ port: to, host: "127.0.0.1", localAddress: from });
        socket.on("error", () => {}).on("close", () => (open -= 1));
        await Promise.race([once(socket, "connect"), once(socket, "close")]);
        open += 1;
      }),
    );
  }
  console.log(String(open));
  await once(process.stdin.resume(), "end");
  process.exit();
}

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-idle-"));
  writeFileSync(
    join(folder, "portcullis.yaml"),
    `providers: { demo: { type: demo } }\napplications: [{ name: assistant }]\nlimits: { connections: ${most} }\nlog: { level: warn }\n`,
  );
  const gateway = spawn(
    resolve(import.meta.dirname, "../bin/portcullis"),
    ["up", "--dir", folder, "--listen", "127.0.0.1:0"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const printed = await greeting(gateway);
  const [, to = ""] = /at http:\/\/[^:]+:(\d+)/.exec(printed) ?? [];
  const [key = ""] = /pcl_[\w-]+/.exec(printed) ?? [];
  const pid = gateway.pid ?? 0;
  console.log(`before: ${await call(to, key)}, ${rssMiB(pid)} MiB`);
  const holders = Array.from({ length: processes }, (_, at) =>
    spawn(process.execPath, [import.meta.filename, "idle", to, `127.0.0.${at + 2}`], {
      stdio: ["pipe", "pipe", "inherit"],
    }),
  );
  const lines = holders.map((holder) => once(createInterface({ input: holder.stdout }), "line"));
  const during: string[] = [];
  let opening = true;
  const opened = Promise.all(lines).then((counts) => {
    opening = false;
    return counts.reduce((sum, [count]) => sum + Number(count), 0);
  });
  while (opening) {
    during.push(await call(to, key));
    await new Promise((next) => setTimeout(next, 200));
  }
  console.log(`${processes * each} opened, ${await opened} still open at the clients, ${rssMiB(pid)} MiB`);
  console.log(`calls while they were opened: ${[...new Set(during)].join(", ")} (${during.length})`);
  console.log(`after: ${await call(to, key)}`);
  for (const holder of holders) holder.stdin.end();
  gateway.kill("SIGTERM");
  await once(gateway, "exit");
  rmSync(folder, { recursive: true });
}

async function call(to: string, key: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${to}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", connection: "close" },
    body: JSON.stringify({ model: "demo/assistant", messages: [{ role: "user", content: "Hello" }] }),
  }).catch((fault: unknown) => ({ status: String(fault), text: async () => "" }));
  await answer.text();
  return String(answer.status);
}

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

function rssMiB(pid: number): string {
  const [, kib] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return (Number(kib) / 1024).toFixed(0);
}
