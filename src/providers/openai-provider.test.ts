import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { createServer } from "node:net";
import { test } from "node:test";
import { fail, ok } from "../core/result.ts";
import { SecretValue } from "../core/secret-value.ts";
import {
  exchangeBody as body,
  failureIn,
  type Outcome,
  outcomeAt,
  providerAt,
  streamIn,
  wholeIn,
} from "./exchange.test-support.ts";
import { type OddUpstream, openUpstream, type SeenRequest } from "./odd-upstream.test-support.ts";
import type { OpenAiProviderOptions } from "./openai-provider.ts";
import { type ProviderRequest, ProviderStreamError } from "./provider.ts";

type Call = Partial<ProviderRequest> & { readonly settings?: Partial<OpenAiProviderOptions> };

function withProvider(
  baseUrl: string,
  { settings, ...request }: Call,
  look: (outcome: Outcome) => Promise<void> | void,
): Promise<void> {
  return outcomeAt(baseUrl, look, settings, request);
}

async function asked(
  answer: (request: SeenRequest, response: ServerResponse) => void,
  call: Call,
  look: (outcome: Outcome, upstream: OddUpstream) => Promise<void> | void,
): Promise<void> {
  await using upstream = await openUpstream(answer);
  await withProvider(`${upstream.url}/v1`, call, (outcome) => look(outcome, upstream));
}

const json = { "content-type": "application/json" };
const eventStream = { "content-type": "text/event-stream; charset=utf-8" };

test("a request goes out as it is, with the provider's key and none of the client's credentials", async () => {
  const headers = {
    authorization: "Bearer pcl_client",
    "x-api-key": "pcl_client",
    cookie: "a=b",
    traceparent: "00-aa-bb-01",
    "x-client-request-id": "bad\r\nheader: x",
    tracestate: ["one=1"],
    "idempotency-key": ["a", "b"],
  };
  await asked(
    (_request, response) => response.writeHead(200, json).end('{"ok":1}'),
    { headers },
    (outcome, upstream) => {
      assert.equal(wholeIn(outcome).body.toString(), '{"ok":1}');
      const [seen] = upstream.seen;
      assert.equal(seen?.url, "/v1/chat/completions");
      assert.deepEqual(seen?.body, body);
      const { host, connection, ...rest } = seen?.headers ?? {};
      assert.deepEqual(rest, {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "accept-encoding": "identity",
        "user-agent": "portcullis",
        authorization: "Bearer sk-real",
        "content-length": String(body.length),
        traceparent: "00-aa-bb-01",
        tracestate: "one=1",
      });
      assert.equal(host, `127.0.0.1:${upstream.port}`);
      assert.equal(connection, "keep-alive");
    },
  );
});

test("without a key nobody's credential is sent", async () => {
  await asked(
    (_request, response) => response.end("{}"),
    { settings: { key: null }, headers: { authorization: "Bearer pcl_client" } },
    (_outcome, upstream) => assert.equal(upstream.seen[0]?.headers.authorization, undefined),
  );
});

test("the endpoint is joined to the base URL's path and keeps its query", async () => {
  await using upstream = await openUpstream((_request, response) => response.end("{}"));
  for (const base of ["", "/", "/openai/v1", "/openai/v1//", "/v1?api-version=2"]) {
    await withProvider(`${upstream.url}${base}`, { endpoint: "embeddings" }, (outcome) =>
      assert.ok(outcome.ok),
    );
  }
  assert.deepEqual(
    upstream.seen.map((request) => request.url),
    [
      "/embeddings",
      "/embeddings",
      "/openai/v1/embeddings",
      "/openai/v1/embeddings",
      "/v1/embeddings?api-version=2",
    ],
  );
});

test("a base URL with credentials, a fragment or another protocol is refused at the start", () => {
  for (const baseUrl of [
    "https://user:pw@api.example/v1",
    "https://api.example/v1#x",
    "ftp://api.example",
    "x",
  ]) {
    assert.throws(
      () => providerAt(baseUrl),
      (error) => error instanceof Error && error.name === "OperatorError" && !error.message.includes("pw"),
    );
  }
});

test("a missing key, or one that no header can carry, sends nothing and is not told", async () => {
  for (const key of [async () => fail("its key is sealed"), async () => ok(new SecretValue("sk\r\nx: y"))]) {
    await asked(
      (_request, response) => response.end("{}"),
      { settings: { key } },
      (outcome, upstream) => {
        const failure = failureIn(outcome);
        assert.equal(failure.reason, "unavailable");
        assert.doesNotMatch(failure.detail, /sk/);
        assert.equal(upstream.seen.length, 0);
      },
    );
  }
});

test("of the answer's headers only those on the list come back", async () => {
  const sent = {
    ...json,
    "retry-after": "3",
    "x-request-id": "req_1",
    "openai-processing-ms": "7",
    "x-ratelimit-remaining-tokens": "9",
    "set-cookie": ["a=b"],
    "x-portcullis-decision": "permit",
    "x-ratelimit-reset-tokens": "caf\u00e9",
    "x-ratelimit-limit-tokens": "9".repeat(2000),
    server: "odd",
  };
  await asked(
    (_request, response) => response.writeHead(429, sent).end("{}"),
    {},
    (outcome) => {
      const answer = wholeIn(outcome);
      assert.equal(answer.status, 429);
      assert.deepEqual(answer.headers, {
        "retry-after": "3",
        "x-request-id": "req_1",
        "openai-processing-ms": "7",
        "x-ratelimit-remaining-tokens": "9",
      });
    },
  );
});

const invalid: readonly (readonly [string, (response: ServerResponse, url: string) => void, RegExp])[] = [
  [
    "redirects",
    (response) => response.writeHead(307, { location: "http://127.0.0.1:1/" }).end(),
    /redirects \(307\)/,
  ],
  [
    "compresses",
    (response) => response.writeHead(200, { ...json, "content-encoding": "gzip" }).end("x"),
    /compresses/,
  ],
  [
    "compresses a stream",
    (response) => response.writeHead(200, { ...eventStream, "content-encoding": "br" }).end("x"),
    /compresses/,
  ],
  [
    "sends two content types",
    (response) =>
      response
        .writeHead(200, ["content-type", "application/json", "content-type", "text/event-stream"])
        .end("{}"),
    /content types|complete/,
  ],
  [
    "resets in the middle",
    (response) => {
      response.writeHead(200, { ...json, "content-length": "100" });
      response.write('{"half":', () => response.destroy());
    },
    /broke before/,
  ],
  [
    "has too many headers",
    (response) => response.writeHead(200, { "x-large": "x".repeat(40_000) }).end("{}"),
    /headers|HTTP/,
  ],
];

for (const [name, answer, expected] of invalid) {
  test(`an upstream that ${name} is invalid`, async () => {
    await asked(
      (request, response) => answer(response, request.url),
      {},
      (outcome, upstream) => {
        const failure = failureIn(outcome);
        assert.equal(failure.reason, "invalid");
        assert.match(failure.detail, expected);
        assert.equal(upstream.seen.length, 1);
      },
    );
  });
}

test("what does not speak HTTP is invalid, and who hangs up at once is unreachable", async () => {
  for (const [said, reason] of [
    ["SSH-2.0-odd\r\n", "invalid"],
    ["", "unreachable"],
  ] as const) {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(said));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    await withProvider(`http://127.0.0.1:${port}`, {}, (outcome) =>
      assert.equal(failureIn(outcome).reason, reason),
    );
    server.close();
    await once(server, "close");
    await withProvider(`http://127.0.0.1:${port}`, {}, (outcome) => {
      assert.equal(failureIn(outcome).reason, "unreachable");
      assert.match(failureIn(outcome).detail, /ECONNREFUSED/);
    });
  }
});

test("an answer beyond its limit is too large, whether it says so or not", async () => {
  const answers: readonly ((response: ServerResponse) => void)[] = [
    (response) => response.writeHead(200, { ...json, "content-length": "5000" }).flushHeaders(),
    (response) => {
      response.writeHead(200, json);
      response.write("x".repeat(5000));
    },
  ];
  for (const answer of answers) {
    await asked(
      (_request, response) => answer(response),
      { maxResponseBytes: 4999 },
      (outcome) => assert.equal(failureIn(outcome).reason, "too_large"),
    );
  }
  await asked(
    (_request, response) => response.end("x".repeat(5000)),
    { maxResponseBytes: 5000 },
    (outcome) => assert.equal(wholeIn(outcome).body.length, 5000),
  );
});

test("silence before the answer and within it is a timeout", async () => {
  const settings = { timeoutMs: 100 };
  await asked(
    () => {},
    { settings },
    (outcome) => assert.equal(failureIn(outcome).reason, "timeout"),
  );
  await asked(
    (_request, response) => response.writeHead(200, json).write("{"),
    { settings },
    (outcome) => assert.equal(failureIn(outcome).reason, "timeout"),
  );
  await asked(
    (_request, response) => response.writeHead(200, eventStream).write("data: 1\n\n"),
    { settings },
    async (outcome) => {
      const chunks = streamIn(outcome).chunks[Symbol.asyncIterator]();
      assert.equal((await chunks.next()).value?.toString(), "data: 1\n\n");
      await assert.rejects(
        async () => chunks.next(),
        (error) => error instanceof ProviderStreamError && error.failure.reason === "timeout",
      );
    },
  );
});

test("a stream is handed on chunk by chunk while the upstream still writes", async () => {
  const gate = Promise.withResolvers<void>();
  await asked(
    (_request, response) => {
      response.writeHead(200, eventStream).write("data: 1\n\n");
      void gate.promise.then(() => response.end("data: [DONE]\n\n"));
    },
    {},
    async (outcome) => {
      const answer = streamIn(outcome);
      assert.deepEqual(answer.headers, {}, "what it is read as is not the upstream's to say");
      const seen: string[] = [];
      for await (const chunk of answer.chunks) {
        seen.push(chunk.toString());
        gate.resolve();
      }
      assert.deepEqual(seen, ["data: 1\n\n", "data: [DONE]\n\n"]);
    },
  );
});

test("an error that is labelled as a stream is read whole, and a whole answer is no stream by a similar label", async () => {
  await asked(
    (_request, response) => response.writeHead(503, eventStream).end("data: {}\n\n"),
    {},
    (outcome) => assert.equal(wholeIn(outcome).status, 503),
  );
  await asked(
    (_request, response) => response.writeHead(200, { "content-type": "text/event-streams" }).end("{}"),
    {},
    (outcome) => assert.equal(wholeIn(outcome).body.toString(), "{}"),
  );
});

test("a reset within a stream is told after the chunks that came before it", async () => {
  await asked(
    (_request, response) => {
      response.writeHead(200, eventStream);
      response.write("data: 1\n\n", () => response.destroy());
    },
    {},
    async (outcome) => {
      const seen: string[] = [];
      await assert.rejects(
        async () => {
          for await (const chunk of streamIn(outcome).chunks) seen.push(chunk.toString());
        },
        (error) => error instanceof ProviderStreamError && error.failure.reason === "invalid",
      );
      assert.deepEqual(seen, ["data: 1\n\n"]);
    },
  );
});

test("who reads slowly slows the upstream, and gets every byte", async () => {
  const parts = 512;
  const part = Buffer.alloc(64 * 1024, "x");
  const total = parts * part.length;
  const responses: ServerResponse[] = [];
  await asked(
    (_request, response) => {
      responses.push(response);
      response.writeHead(200, eventStream);
      for (let at = 0; at < parts; at += 1) response.write(part);
      response.end();
    },
    {},
    async (outcome, upstream) => {
      const chunks = streamIn(outcome).chunks[Symbol.asyncIterator]();
      let read = (await chunks.next()).value?.length ?? 0;
      // With the socket paused nothing more arrives, however long the reader waits: here for as long as two streams of
      // the same size take, one after the other, from beginning to end. The upstream keeps most of the first.
      for (let others = 0; others < 2; others += 1) {
        await withProvider(`${upstream.url}/v1`, {}, async (beside) => {
          let other = 0;
          for await (const chunk of streamIn(beside).chunks) other += chunk.length;
          assert.equal(other, total);
        });
      }
      assert.ok((responses[0]?.writableLength ?? 0) > total / 4);
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
        read += next.value.length;
      }
      assert.equal(read, total);
    },
  );
});

test("a paused stream that nobody comes back to is closed", async () => {
  const closed = Promise.withResolvers<void>();
  await asked(
    (_request, response) => {
      response.on("close", () => closed.resolve());
      response.writeHead(200, eventStream);
      response.write(Buffer.alloc(8 * 1024 * 1024, "x"));
    },
    { settings: { timeoutMs: 150 } },
    async (outcome) => {
      const { chunks } = streamIn(outcome);
      await closed.promise;
      await assert.rejects(
        async () => {
          for await (const chunk of chunks) assert.ok(chunk.length > 0);
        },
        (error) => error instanceof ProviderStreamError && error.failure.reason === "timeout",
      );
    },
  );
});

test("aborting closes the connection, before the answer, within it and within a stream", async () => {
  const answers: readonly ((response: ServerResponse) => void)[] = [
    () => {},
    (response) => response.writeHead(200, json).write("{"),
  ];
  for (const answer of answers) {
    const abort = new AbortController();
    const closed = Promise.withResolvers<void>();
    await asked(
      (_request, response) => {
        response.on("close", () => closed.resolve());
        answer(response);
        setImmediate(() => abort.abort());
      },
      { signal: abort.signal },
      async (outcome) => {
        assert.equal(failureIn(outcome).reason, "cancelled");
        await closed.promise;
      },
    );
  }
  const abort = new AbortController();
  const closed = Promise.withResolvers<void>();
  await asked(
    (_request, response) => {
      response.on("close", () => closed.resolve());
      response.writeHead(200, eventStream).write("data: 1\n\n");
    },
    { signal: abort.signal },
    async (outcome) => {
      await assert.rejects(
        async () => {
          for await (const _chunk of streamIn(outcome).chunks) abort.abort();
        },
        (error) => error instanceof ProviderStreamError && error.failure.reason === "cancelled",
      );
      await closed.promise;
    },
  );
});

test("aborted before it began, or while it waits for a connection, a request is never sent", async () => {
  await asked(
    (_request, response) => response.end("{}"),
    { signal: AbortSignal.abort() },
    (outcome, upstream) => {
      assert.equal(failureIn(outcome).reason, "cancelled");
      assert.equal(upstream.seen.length, 0);
    },
  );
  const abort = new AbortController();
  const waits = { resolveName: () => void setImmediate(() => abort.abort()) };
  await withProvider("http://slow.example/v1", { settings: waits, signal: abort.signal }, (outcome) =>
    assert.equal(failureIn(outcome).reason, "cancelled"),
  );
});

test("leaving a stream early, or never reading it and returning its iterator, closes the connection", async () => {
  for (const leave of [
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const _chunk of chunks) break;
    },
    async (chunks: AsyncIterable<Buffer>) => void (await chunks[Symbol.asyncIterator]().return?.()),
  ]) {
    const closed = Promise.withResolvers<void>();
    await asked(
      (_request, response) => {
        response.on("close", () => closed.resolve());
        response.writeHead(200, eventStream).write("data: 1\n\n");
      },
      {},
      async (outcome) => {
        await leave(streamIn(outcome).chunks);
        await closed.promise;
      },
    );
  }
});

test("a connection serves the next exchange after a whole one", async () => {
  await using upstream = await openUpstream((_request, response) => response.writeHead(200, json).end("{}"));
  const provider = providerAt(upstream.url);
  const { signal } = new AbortController();
  for (let at = 0; at < 20; at += 1) {
    const outcome = await provider.send({
      endpoint: "embeddings",
      body,
      headers: {},
      maxResponseBytes: 100,
      signal,
    });
    assert.ok(outcome.ok);
  }
  assert.equal(upstream.seen.length, 20);
  assert.ok(upstream.sockets.size <= 2, "each exchange made a connection of its own");
  await provider.close();
});

test("closing the provider ends what still runs", async () => {
  await using upstream = await openUpstream(() => void provider.close());
  const provider = providerAt(upstream.url);
  const { signal } = new AbortController();
  const request = { endpoint: "embeddings", body, headers: {}, maxResponseBytes: 100, signal } as const;
  assert.equal(failureIn(await provider.send(request)).reason, "unavailable");
  assert.equal(failureIn(await provider.send(request)).reason, "unavailable");
});

test("the name is resolved by us, and a name that leads inside is reached only when that is allowed", async () => {
  await using upstream = await openUpstream((_request, response) => response.end("{}"));
  const resolveName: OpenAiProviderOptions["resolveName"] = (_name, _options, callback) =>
    callback(null, [{ address: "127.0.0.1", family: 4 }]);
  const base = `http://api.example:${upstream.port}/v1`;
  await withProvider(base, { settings: { resolveName } }, (outcome) => {
    const failure = failureIn(outcome);
    assert.equal(failure.reason, "unreachable");
    assert.match(failure.detail, /`api\.example` resolves to an internal address/);
  });
  assert.equal(upstream.seen.length, 0);
  await withProvider(base, { settings: { resolveName, allowPrivateAddresses: true } }, (outcome) =>
    assert.ok(outcome.ok),
  );
  assert.equal(upstream.seen[0]?.headers.host, `api.example:${upstream.port}`);
});

test("`localhost` and an address as written are reached as they are", async () => {
  await using upstream = await openUpstream((_request, response) => response.end("{}"));
  const elsewhere: OpenAiProviderOptions["resolveName"] = (_name, _options, callback) =>
    callback(null, [{ address: "127.0.0.1", family: 4 }]);
  for (const host of ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"]) {
    await withProvider(
      `http://${host}:${upstream.port}`,
      { settings: { resolveName: elsewhere } },
      (outcome) => assert.ok(outcome.ok, host),
    );
  }
});
