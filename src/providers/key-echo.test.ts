import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { ok } from "../core/result.ts";
import { SecretValue } from "../core/secret-value.ts";
import { KeyEcho } from "./key-echo.ts";
import { OpenAiProvider } from "./openai-provider.ts";
import { ProviderStreamError } from "./provider.ts";

const value = 'sk-live/äöü"+4711';
const key = new SecretValue(value);

test("a key is found in the forms in which bodies hold it, however the body is cut", () => {
  const bytes = Buffer.from(value);
  for (const form of [
    value,
    JSON.stringify(value),
    encodeURIComponent(value),
    bytes.toString("base64"),
    bytes.toString("hex"),
  ]) {
    const body = Buffer.from(`{"echo":${form}}`);
    assert.ok(new KeyEcho(key).foundIn(body), form);
    for (let at = 1; at < body.length; at += 1) {
      const echo = new KeyEcho(key);
      assert.ok(
        echo.foundIn(body.subarray(0, at)) || echo.foundIn(body.subarray(at)),
        `${form} cut at ${at}`,
      );
    }
    const echo = new KeyEcho(key);
    assert.ok(
      [...body].some((byte) => echo.foundIn(Buffer.from([byte]))),
      `${form} byte by byte`,
    );
  }
});

test("nothing is found where the key does not stand, where there is none, or where it is too short to tell", () => {
  assert.equal(new KeyEcho(key).foundIn(Buffer.from(value.slice(0, -1))), false);
  assert.equal(new KeyEcho(null).foundIn(Buffer.from(value)), false);
  assert.equal(new KeyEcho(new SecretValue("a")).foundIn(Buffer.from("banana")), false);
});

async function answered(respond: (response: ServerResponse, authorization: string) => void) {
  const server = createServer((request, response) => {
    request.resume();
    respond(response, request.headers.authorization ?? "");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const provider = new OpenAiProvider({
    name: "up",
    baseUrl: `http://127.0.0.1:${port}/v1`,
    key: async () => ok(new SecretValue("sk-provider-secret")),
    models: null,
    asksForStreamUsage: true,
    allowPrivateAddresses: false,
    timeoutMs: 5000,
    connectTimeoutMs: 2000,
    connections: 4,
  });
  try {
    const sent = await provider.send({
      endpoint: "chat/completions",
      body: Buffer.from("{}"),
      headers: {},
      maxResponseBytes: 1_000_000,
      signal: new AbortController().signal,
    });
    if (!sent.ok) return sent.failure.detail;
    if (sent.value.kind === "whole") return sent.value.body.toString();
    let text = "";
    for await (const chunk of sent.value.chunks) text += chunk.toString();
    return text;
  } catch (fault) {
    assert.ok(fault instanceof ProviderStreamError);
    return fault.failure.detail;
  } finally {
    await provider.close();
    server.close();
  }
}

test("an upstream that repeats the key it was sent is not passed on: not its errors, headers or streams", async () => {
  const types = { whole: "application/json", stream: "text/event-stream" };
  const details = [
    await answered((response, sent) => {
      response.writeHead(401, { "content-type": types.whole });
      response.end(JSON.stringify({ error: { message: `bad ${sent}` } }));
    }),
    await answered((response, sent) => {
      response.writeHead(200, { "content-type": types.whole, "x-request-id": sent });
      response.end("{}");
    }),
    await answered((response, sent) => {
      response.writeHead(200, { "content-type": types.stream });
      response.write(`data: ${sent.slice(0, 12)}`);
      response.end(`${sent.slice(12)}\n\n`);
    }),
  ];
  for (const detail of details) {
    assert.match(detail, /repeats the key/);
    assert.doesNotMatch(detail, /provider-secret/);
  }
});

test("an answer in another charset than UTF-8 is refused: nobody has read it as that", async () => {
  for (const charset of ["utf-7", "utf-16", "iso-8859-1", '"x-user-defined"']) {
    const detail = await answered((response) => {
      response.writeHead(200, { "content-type": `application/json; charset=${charset}` }).end("{}");
    });
    assert.match(detail, /another charset/);
  }
  for (const charset of ["utf-8", '"UTF-8"', "utf8", "us-ascii"]) {
    const text = await answered((response) => {
      response.writeHead(200, { "content-type": `application/json; Charset=${charset}` }).end("{}");
    });
    assert.equal(text, "{}");
  }
});
