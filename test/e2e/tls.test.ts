import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { after, test } from "node:test";
import { connect, type PeerCertificate, type TLSSocket } from "node:tls";
import { testAuthority } from "./certificates.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";

const authority = testAuthority();
after(() => rmSync(authority.folder, { recursive: true }));

const config = (more = ""): string => `server:
  tls: { cert: server.pem, key: server.key${more} }
providers:
  demo: { type: demo }
models:
  - { name: fast, targets: [demo/assistant] }
applications:
  - { name: assistant }
`;

function use(folder: string, name: string): void {
  const { cert, key } = authority.issue(name);
  copyFileSync(cert, join(folder, "server.pem"));
  copyFileSync(key, join(folder, "server.key"));
}

async function gatewayWith(name: string, more = ""): Promise<TestGateway> {
  const folder = testFolder({ "portcullis.yaml": config(more), "ca.pem": authority.pem });
  use(folder, name);
  return startGateway(folder);
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function ask(
  gateway: TestGateway,
  options: { readonly cert?: string; readonly key?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request(
      `${urlOf(gateway)}/v1/chat/completions`,
      {
        method: "POST",
        ca: authority.pem,
        agent: false,
        headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
        ...options,
      },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
      },
    );
    asking.on("error", reject);
    asking.end(
      JSON.stringify({ model: "fast", stream: true, messages: [{ role: "user", content: "Hello" }] }),
    );
  });
}

function urlOf(gateway: TestGateway): string {
  const [url] = /https:\/\/\S+/.exec(gateway.output) ?? [];
  assert.ok(url, gateway.output);
  return url;
}

async function handshake(gateway: TestGateway, options: object = {}): Promise<TLSSocket> {
  const { hostname, port } = new URL(urlOf(gateway));
  const socket = connect({ host: hostname, port: Number(port), ca: authority.pem, ...options });
  await once(socket, "secureConnect");
  return socket;
}

async function shown(gateway: TestGateway): Promise<PeerCertificate["subject"]> {
  const socket = await handshake(gateway);
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject;
}

test("calls are made over TLS, nothing older than 1.2 is spoken, and clear text gets nothing", async (t) => {
  const gateway = await gatewayWith("first");
  t.after(() => gateway.kill());
  const answer = await ask(gateway);
  assert.equal(answer.status, 200);
  assert.match(answer.text, /\[DONE\]/);
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const socket = await handshake(gateway, { maxVersion });
    assert.equal(socket.getProtocol(), maxVersion);
    socket.destroy();
  }
  await assert.rejects(
    handshake(gateway, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }),
  );
  await assert.rejects(fetch(urlOf(gateway).replace("https:", "http:")));
  await gateway.close();
});

test("a renewed certificate is shown after SIGHUP, without a changed config; one that does not fit leaves the old one", async (t) => {
  const gateway = await gatewayWith("before");
  t.after(() => gateway.kill());
  const running = await handshake(gateway);
  use(gateway.folder, "renewed");
  await gateway.hangUp("the renewed certificate is in force");
  assert.equal((await shown(gateway)).CN, "renewed");
  assert.equal(running.destroyed, false, "connections of before live on");
  running.destroy();

  copyFileSync(authority.issue("stranger").key, join(gateway.folder, "server.key"));
  assert.match(await gateway.hangUp("the certificate stays as it is"), /is not the key of/);
  assert.equal((await shown(gateway)).CN, "renewed");
  assert.equal((await ask(gateway)).status, 200);
  await gateway.close();
});

test("with `client_ca` only who shows a certificate of it is heard", async (t) => {
  const gateway = await gatewayWith("mutual", ", client_ca: ca.pem");
  t.after(() => gateway.kill());
  const client = authority.issue("client");
  const own = { cert: readFileSync(client.cert, "utf8"), key: readFileSync(client.key, "utf8") };
  assert.equal((await ask(gateway, own)).status, 200);
  await assert.rejects(ask(gateway));
  const other = testAuthority();
  t.after(() => rmSync(other.folder, { recursive: true }));
  const foreign = other.issue("client");
  await assert.rejects(
    ask(gateway, { cert: readFileSync(foreign.cert, "utf8"), key: readFileSync(foreign.key, "utf8") }),
  );
  await gateway.close();
});

test("a key that does not belong to its certificate hinders the start, in words", async () => {
  const folder = testFolder({ "portcullis.yaml": config() });
  use(folder, "mismatched");
  writeFileSync(join(folder, "server.key"), readFileSync(authority.issue("another").key));
  await assert.rejects(startGateway(folder), /`server\.tls\.key`: `server\.key` is not the key of/);
  rmSync(folder, { recursive: true });
});
