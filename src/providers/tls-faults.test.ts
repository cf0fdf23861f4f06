import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { createServer as createTlsServer, setDefaultCACertificates, type TlsOptions } from "node:tls";
import { type Certificate, testAuthority } from "./certificates.test-support.ts";
import { failureIn, type Outcome, outcomeAt } from "./exchange.test-support.ts";
import type { OpenAiProviderOptions } from "./openai-provider.ts";
import type { ProviderFailure } from "./provider.ts";
import { rawUpstream } from "./raw-upstream.test-support.ts";

const authority = testAuthority();
setDefaultCACertificates([authority.cert]);

async function outcomeOver(
  certificate: Certificate,
  look: (outcome: Outcome) => void,
  options: TlsOptions = {},
): Promise<readonly string[]> {
  const requests: string[] = [];
  const server = createTlsServer({ ...certificate, ...options });
  server.on("tlsClientError", () => {});
  const answer = (socket: { end(text: string): unknown }, request: string): void => {
    requests.push(request);
    socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
  };
  await using upstream = await rawUpstream(answer, server, "https");
  await outcomeAt(upstream.url.replace("127.0.0.1", "localhost"), look);
  return requests;
}

test("an upstream whose certificate is good is asked", async () => {
  const requests = await outcomeOver(authority.issue(), (outcome) => assert.ok(outcome.ok));
  assert.equal(requests.length, 1);
});

for (const [name, certificate, detail] of [
  ["has expired", authority.issue({ days: -1 }), /has expired \(CERT_HAS_EXPIRED\)/],
  [
    "is for another name",
    authority.issue({ name: "other.example" }),
    /for another name than that in `base_url`/,
  ],
  ["is signed by itself", authority.selfSigned(), /signed by nobody whom this host trusts/],
] as const) {
  test(`an upstream whose certificate ${name} gets nothing of the request, and is not asked again`, async () => {
    const requests = await outcomeOver(certificate, (outcome) => {
      const failure = failureIn(outcome);
      assert.deepEqual([failure.reason, failure.unsent, failure.transient], ["unreachable", true, undefined]);
      assert.match(failure.detail, detail);
    });
    assert.deepEqual(requests, []);
  });
}

test("an upstream that speaks no version of TLS that is safe gets nothing of the request", async () => {
  const old: TlsOptions = { maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "DEFAULT:@SECLEVEL=0" };
  const look = (outcome: Outcome): void => {
    const failure = failureIn(outcome);
    assert.deepEqual([failure.reason, failure.unsent, failure.transient], ["unreachable", true, undefined]);
    assert.match(failure.detail, /no TLS connection could be made/);
  };
  assert.deepEqual(await outcomeOver(authority.issue(), look, old), []);
});

/** An upstream that is told of connections, and of nothing else. */
async function plainly(
  connected: (socket: Socket) => void,
  look: (failure: ProviderFailure) => void,
  settings: Partial<OpenAiProviderOptions> = {},
): Promise<void> {
  const server = createServer((socket) => connected(socket.on("error", () => {})));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await outcomeAt(`https://localhost:${port}`, (outcome) => look(failureIn(outcome)), settings);
  server.close();
  await once(server, "close");
}

test("an upstream that speaks no TLS at all is told as that", async () => {
  await plainly(
    (socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
    ({ reason, unsent, transient, detail }) => {
      assert.deepEqual([reason, unsent, transient], ["unreachable", true, undefined]);
      assert.match(detail, /no TLS connection could be made/);
    },
  );
});

test("an upstream that does not finish its handshake is a connection that could not be made in time", async () => {
  await plainly(
    (socket) => socket.resume(),
    ({ reason, unsent, transient }) => assert.deepEqual([reason, unsent, transient], ["timeout", true, true]),
    { connectTimeoutMs: 300 },
  );
});
