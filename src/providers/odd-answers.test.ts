import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import {
  failureIn,
  type Outcome,
  outcomeAt,
  providerAt,
  sendTo,
  streamIn,
  wholeIn,
} from "./exchange.test-support.ts";
import type { OpenAiProviderOptions } from "./openai-provider.ts";
import { type ProviderRequest, ProviderStreamError } from "./provider.ts";
import { rawUpstream } from "./raw-upstream.test-support.ts";

interface Setting {
  readonly settings?: Partial<OpenAiProviderOptions>;
  readonly request?: Partial<ProviderRequest>;
}

async function answered(
  said: string | ((socket: Socket) => void),
  look: (outcome: Outcome) => Promise<void> | void,
  { settings = {}, request = {} }: Setting = {},
): Promise<void> {
  await using upstream = await rawUpstream((socket) => {
    if (typeof said === "string") socket.end(said);
    else said(socket);
  });
  await outcomeAt(upstream.url, look, settings, request);
}

const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";

for (const [name, said, body] of [
  ["HTTP/1.0, ended by closing", "HTTP/1.0 200 OK\r\n\r\n{}", "{}"],
  ["HTTP/1.0 with a length", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}", "{}"],
  ["HTTP/1.1, ended by closing", `${head}\r\n{}`, "{}"],
  ["chunk extensions", `${head}transfer-encoding: chunked\r\n\r\n2;a=b;c="d"\r\n{}\r\n0\r\n\r\n`, "{}"],
  ["trailers", `${head}transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx-api-key: leaked\r\n\r\n`, "{}"],
  [
    "interim answers first",
    `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${head}content-length: 2\r\n\r\n{}`,
    "{}",
  ],
  ["a length shorter than its body", `${head}content-length: 2\r\n\r\n{} and more`, "{}"],
  ["204 with a body", "HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n{}", ""],
] as const) {
  test(`an answer with ${name} is read as what it is`, async () => {
    await answered(said, (outcome) => assert.equal(wholeIn(outcome).body.toString(), body));
  });
}

for (const [name, said, detail] of [
  ["a length longer than its body", `${head}content-length: 20\r\n\r\n{}`, /broke before/],
  ["an end within a chunk", `${head}transfer-encoding: chunked\r\n\r\nff\r\n{}`, /broke before/],
  ["an end between chunks", `${head}transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n`, /broke before/],
  [
    "a chunk size that is none",
    `${head}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`,
    /broke|HTTP/,
  ],
  [
    "a length and chunks",
    `${head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    /length/,
  ],
  ["two lengths", `${head}content-length: 2\r\ncontent-length: 3\r\n\r\n{} `, /length/],
  ["a length that is no number", `${head}content-length: 2x\r\n\r\n{}`, /length/],
  ["lines that end in line feeds", "HTTP/1.1 200 OK\ncontent-length: 2\n\n{}", /HTTP/],
  [
    "a header flood",
    `${head}${"x-filler: 0123456789\r\n".repeat(5000)}content-length: 2\r\n\r\n{}`,
    /headers|HTTP/,
  ],
  [
    "interim answers without end",
    `${"HTTP/1.1 102 Processing\r\n\r\n".repeat(1000)}${head}\r\n{}`,
    /interim/,
  ],
] as const) {
  test(`an answer with ${name} is invalid`, async () => {
    await answered(said, (outcome) => {
      const failure = failureIn(outcome);
      assert.deepEqual([failure.reason, failure.unsent], ["invalid", undefined]);
      assert.match(failure.detail, detail);
    });
  });
}

test("no status that redirects is followed, and nobody else gets the key", async () => {
  const seen: string[] = [];
  await using elsewhere = await rawUpstream((socket, request) => {
    seen.push(request);
    socket.end(`${head}content-length: 2\r\n\r\n{}`);
  });
  for (const status of [300, 301, 302, 303, 304, 305, 307, 308]) {
    const said = `HTTP/1.1 ${status} X\r\nlocation: ${elsewhere.url}/\r\ncontent-length: 0\r\n\r\n`;
    await answered(said, (outcome) => assert.match(failureIn(outcome).detail, /redirects .*`base_url`/));
  }
  assert.deepEqual(seen, []);
});

test("no compression is undone, whatever its name and however it is written", async () => {
  for (const encoding of ["gzip", "br", "zstd", "deflate", "GZIP", "identity, gzip", "x-unknown"]) {
    for (const begin of [head, stream]) {
      await answered(`${begin}content-encoding: ${encoding}\r\n\r\n{}`, (outcome) => {
        const failure = failureIn(outcome);
        assert.deepEqual([failure.reason, /compresses/.test(failure.detail)], ["invalid", true], encoding);
      });
    }
  }
  await answered(`${head}content-encoding: Identity\r\n\r\n{}`, (outcome) => assert.ok(outcome.ok));
});

test("an answer that nobody asked for is not taken for that to the next request", async () => {
  const smuggled = `${head}content-length: 15\r\n\r\n{"smuggled":1} `;
  for (const first of [
    `${head}content-length: 2\r\n\r\n{}${smuggled}`,
    `HTTP/1.1 204 No Content\r\n\r\n${smuggled}`,
    `${head}transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n${smuggled}`,
  ]) {
    let requests = 0;
    await using upstream = await rawUpstream((socket) => {
      requests += 1;
      socket.write(requests === 1 ? first : `${head}content-length: 4\r\n\r\n"ok"`);
    });
    const provider = providerAt(upstream.url, { connections: 1 });
    assert.ok((await sendTo(provider)).ok);
    assert.equal(wholeIn(await sendTo(provider)).body.toString(), '"ok"', first);
    await provider.close();
  }
});

test("a connection that ends before the answer's head is complete may be tried again, and nothing says it was not sent", async () => {
  for (const leave of [
    (socket: Socket) => socket.resetAndDestroy(),
    (socket: Socket) => socket.end(),
    (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"),
    (socket: Socket) => socket.end("HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
  ]) {
    await answered(leave, (outcome) => {
      const { reason, transient, unsent } = failureIn(outcome);
      assert.deepEqual([reason, transient, unsent], ["unreachable", true, undefined]);
    });
  }
});

test("a connection that is reset within the answer is not tried again", async () => {
  for (const said of [head, `${head}content-length: 9\r\n\r\n`, `${head}content-length: 9\r\n\r\n{"a"`]) {
    await answered(
      (socket) => void socket.write(said, () => socket.resetAndDestroy()),
      (outcome) => {
        const { reason, unsent } = failureIn(outcome);
        assert.ok(reason === "invalid" || reason === "unreachable", reason);
        assert.equal(unsent, undefined);
      },
    );
  }
});

test("a name that leads nowhere and a port where nobody listens are told, and nothing was sent", async () => {
  const nowhere = Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" });
  await outcomeAt(
    "http://no.such.example/v1",
    (outcome) => {
      const { reason, transient, unsent, detail } = failureIn(outcome);
      assert.deepEqual([reason, transient, unsent], ["unreachable", true, true]);
      assert.match(detail, /name cannot be resolved \(ENOTFOUND\)/);
    },
    { resolveName: (_name, _options, callback) => callback(nowhere, []) },
  );
  const gone = await rawUpstream(() => {});
  await gone[Symbol.asyncDispose]();
  await outcomeAt(gone.url, (outcome) => {
    const { transient, unsent, detail } = failureIn(outcome);
    assert.deepEqual([transient, unsent], [true, true]);
    assert.match(detail, /ECONNREFUSED/);
  });
});

test("a head that comes byte by byte is not waited for without end", async () => {
  await answered(
    (socket) => {
      let at = 0;
      const next = (): void => {
        if (!socket.destroyed) socket.write(at < head.length ? (head[at++] ?? "") : "x-a: b\r\n");
      };
      const timer = setInterval(next, 20);
      socket.on("close", () => clearInterval(timer));
    },
    (outcome) => assert.equal(failureIn(outcome).reason, "timeout"),
    { request: { firstByteMs: 200 } },
  );
});

/** Says `first`, and then a little for as long as anybody listens. */
function endless(first: string, more: string): (socket: Socket) => void {
  return (socket) => {
    socket.write(first);
    const timer = setInterval(() => socket.write(more), 10);
    socket.on("close", () => clearInterval(timer));
  };
}

test("an answer that never ends is ended by the time that the call may take, whole or streamed", async () => {
  const setting = { request: { totalMs: 150 } };
  await answered(
    endless(`${head}\r\n{`, " "),
    (outcome) => {
      const { reason, callOver } = failureIn(outcome);
      assert.deepEqual([reason, callOver], ["timeout", true]);
    },
    setting,
  );
  await answered(
    endless(`${stream}\r\n`, ": still here\n\n"),
    async (outcome) => {
      let bytes = 0;
      await assert.rejects(
        async () => {
          for await (const chunk of streamIn(outcome).chunks) bytes += chunk.length;
        },
        (fault) => fault instanceof ProviderStreamError && fault.failure.reason === "timeout",
      );
      assert.ok(bytes > 0);
    },
    setting,
  );
});

test("time that is up before a connection was made says that nothing was sent", async () => {
  await outcomeAt(
    "http://slow.example/v1",
    (outcome) => {
      const { reason, unsent } = failureIn(outcome);
      assert.deepEqual([reason, unsent], ["timeout", true]);
    },
    { resolveName: () => {} },
    { totalMs: 50 },
  );
});

test("the time between two parts can be shorter than that to the first", async () => {
  await answered(
    (socket) => void setTimeout(() => socket.write(`${stream}\r\ndata: 1\n\n`), 300),
    async (outcome) => {
      const chunks = streamIn(outcome).chunks[Symbol.asyncIterator]();
      assert.equal((await chunks.next()).value?.toString(), "data: 1\n\n");
      await assert.rejects(
        async () => chunks.next(),
        (fault) => fault instanceof ProviderStreamError && fault.failure.reason === "timeout",
      );
    },
    { settings: { idleTimeoutMs: 100 } },
  );
});
