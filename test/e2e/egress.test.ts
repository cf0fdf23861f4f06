import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { createServer as createClearServer } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { after, test } from "node:test";
import { testAuthority } from "./certificates.ts";
import { startConnectProxy } from "./connect-proxy.ts";
import { setSecret } from "./set-secret.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";

const authority = testAuthority();
after(() => rmSync(authority.folder, { recursive: true }));

const answer = JSON.stringify({
  id: "c",
  object: "chat.completion",
  model: "m",
  choices: [
    { index: 0, message: { role: "assistant", content: "from the upstream" }, finish_reason: "stop" },
  ],
});

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A TLS server that only the test authority vouches for. */
function tlsUpstream(): Server {
  const { cert, key } = authority.issue("upstream");
  return createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "application/json" }).end(answer);
  });
}

function config(baseUrl: string, egress: string): string {
  return `egress: { ${egress} }
providers:
  up: { type: openai, base_url: "${baseUrl}", connect_timeout: 5s }
applications:
  - { name: assistant }
`;
}

async function ask(
  gateway: TestGateway,
  model = "up/m",
): Promise<{ readonly status: number; readonly text: string }> {
  const answered = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] }),
  });
  return { status: answered.status, text: await answered.text() };
}

test("a TLS upstream under a corporate authority is reached through the proxy, which alone knows its name", async (t) => {
  const upstream = tlsUpstream();
  const port = await listening(upstream);
  t.after(() => upstream.close());
  const proxy = await startConnectProxy({ "upstream.test": port });
  t.after(() => proxy.close());
  const gateway = await startGateway(
    testFolder({
      "portcullis.yaml": config(
        "https://upstream.test/v1",
        `proxy: "${proxy.url}", proxy_credentials: secret://egress/proxy, ca: ca.pem`,
      ),
      "ca.pem": authority.pem,
    }),
  );
  t.after(() => gateway.kill());
  const before = await ask(gateway);
  assert.equal(before.status, 502, "without the credentials nothing leaves");
  assert.deepEqual(proxy.asked, []);
  await setSecret(gateway.folder, "egress/proxy", "gateway:s3cret");
  const reached = await ask(gateway);
  assert.equal(reached.status, 200, reached.text);
  assert.match(reached.text, /from the upstream/);
  const authorization = `Basic ${Buffer.from("gateway:s3cret").toString("base64")}`;
  assert.deepEqual(proxy.asked, [{ authority: "upstream.test:443", authorization }]);
  await gateway.close();
});

test("an upstream whose certificate nobody vouches for is not spoken to, through the proxy neither", async (t) => {
  const upstream = tlsUpstream();
  const port = await listening(upstream);
  t.after(() => upstream.close());
  const proxy = await startConnectProxy({ "upstream.test": port });
  t.after(() => proxy.close());
  const gateway = await startGateway(
    testFolder({ "portcullis.yaml": config("https://upstream.test/v1", `proxy: "${proxy.url}"`) }),
  );
  t.after(() => gateway.kill());
  const refused = await ask(gateway);
  assert.equal(refused.status, 502);
  assert.match(refused.text, /upstream_unreachable/);
  assert.equal(proxy.asked.length, 1);
  await gateway.close();
});

test("what the proxy refuses, says wrongly or leaves unsaid ends as an unreachable upstream", async (t) => {
  const proxy = await startConnectProxy();
  t.after(() => proxy.close());
  const gateway = await startGateway(
    testFolder({ "portcullis.yaml": config("https://upstream.test/v1", `proxy: "${proxy.url}"`) }),
  );
  t.after(() => gateway.kill());
  for (const [said, code] of [
    ["HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", /PROXY_STATUS_407/],
    ["HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno", /PROXY_STATUS_403/],
    ["SSH-2.0-OpenSSH_9\r\n\r\n", /PROXY_INVALID/],
    ["HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", /PROXY_INVALID/],
    [`HTTP/1.1 200 OK\r\nx: ${"a".repeat(20_000)}`, /PROXY_INVALID/],
    ["", /PROXY_CLOSED/],
  ] as const) {
    proxy.refusal = said;
    // A model of its own for each: one that fails this often is left alone.
    const { status, text } = await ask(gateway, `up/${code.source}`);
    assert.equal(status, 502, said);
    assert.match(text, code);
  }
  await gateway.close();
});

test("loopback and exceptions are reached without the proxy, and a variable that names one does not count", async (t) => {
  const upstream = createClearServer((request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "application/json" }).end(answer);
  });
  const port = await listening(upstream);
  t.after(() => upstream.close());
  const proxy = await startConnectProxy();
  t.after(() => proxy.close());
  const gateway = await startGateway(
    testFolder({ "portcullis.yaml": config(`http://127.0.0.1:${port}/v1`, `proxy: "${proxy.url}"`) }),
  );
  t.after(() => gateway.kill());
  assert.equal((await ask(gateway)).status, 200);
  assert.deepEqual(proxy.asked, []);
  await gateway.close();

  process.env["HTTPS_PROXY"] = proxy.url;
  t.after(() => delete process.env["HTTPS_PROXY"]);
  const direct = await startGateway(
    testFolder({ "portcullis.yaml": config("https://upstream.invalid/v1", "no_proxy: []") }),
  );
  t.after(() => direct.kill());
  assert.match((await ask(direct)).text, /upstream_unreachable/);
  assert.deepEqual(proxy.asked, []);
  await direct.close();
});
