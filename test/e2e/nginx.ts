// A real nginx in front of a gateway, with the block that docs/operations.md tells operators to use.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { testAuthority } from "../../src/providers/certificates.test-support.ts";
import { testFolder } from "./test-gateway.ts";

export interface Nginx extends AsyncDisposable {
  /** `https`, at this host's loopback address. */
  readonly url: string;
  readonly port: number;
  /** Of the authority that signed for `localhost`. */
  readonly ca: string;
}

/** Before the gateway at `gateway`. */
export async function startNginx(gateway: string): Promise<Nginx> {
  const authority = testAuthority();
  const { key, cert } = authority.issue();
  const folder = testFolder({ "gate.key": key, "gate.pem": cert });
  const port = await freePort();
  const child = await run(folder, port, serverOfPage(new URL(gateway).host, port, folder));
  return { url: `https://localhost:${port}`, port, ca: authority.cert, ...child };
}

/** With nothing but where to pass requests on to: all else is as nginx does it by itself, but for `more`. */
export async function startBareNginx(
  gateway: string,
  more: string,
): Promise<AsyncDisposable & { readonly url: string }> {
  const port = await freePort();
  const server = `server { listen 127.0.0.1:${port}; location / { proxy_pass ${gateway}; ${more} } }`;
  return { url: `http://127.0.0.1:${port}`, ...(await run(testFolder(), port, server)) };
}

async function run(folder: string, port: number, server: string): Promise<AsyncDisposable> {
  writeFileSync(join(folder, "nginx.conf"), configWith(server, folder));
  const child = spawn("nginx", ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  await listening(child, port);
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
      rmSync(folder, { recursive: true });
    },
  };
}

/** The page's block with this machine's places in it; whatever else it says is as on the page. */
function serverOfPage(gateway: string, port: number, folder: string): string {
  const page = readFileSync(resolve(import.meta.dirname, "../../docs/operations.md"), "utf8");
  const block = /^```nginx\n(.*?)^```$/ms.exec(page)?.[1];
  assert.ok(block !== undefined, "the page has its nginx block");
  const here: readonly (readonly [string, string])[] = [
    ["127.0.0.1:8787", gateway],
    ["listen 443 ssl", `listen 127.0.0.1:${port} ssl`],
    ["/etc/nginx/gate.pem", join(folder, "gate.pem")],
    ["/etc/nginx/gate.key", join(folder, "gate.key")],
  ];
  for (const [there] of here) assert.ok(block.includes(there), there);
  return here.reduce((text, [there, ours]) => text.replace(there, ours), block);
}

function configWith(server: string, folder: string): string {
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${join(folder, kind)};`,
  );
  return `daemon off; worker_processes 1; pid ${join(folder, "nginx.pid")};
events {}
http {
access_log off;
${places.join("\n")}
${server}
}
`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** nginx does not say when it listens. */
async function listening(child: ChildProcess, port: number): Promise<void> {
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  for (let tries = 0; tries < 500; tries += 1) {
    assert.equal(child.exitCode, null, `nginx ended: ${stderr}`);
    if (await canConnect(port)) return;
    await sleep(20);
  }
  assert.fail(`nginx does not listen: ${stderr}`);
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolved) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolved(true)).once("error", () => resolved(false));
    socket.once("connect", () => socket.destroy());
  });
}
