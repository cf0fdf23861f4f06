import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { type HttpOptions, httpFetcher } from "./http-fetcher.ts";
import { FetchError, type LogFile, type TileFetcher } from "./tile-fetcher.ts";

async function served(
  t: TestContext,
  listener: RequestListener,
  options: HttpOptions = {},
): Promise<TileFetcher> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return httpFetcher(`http://127.0.0.1:${address.port}/log`, { tries: 1, ...options });
}

const tile = { level: 0, index: 0, width: 256 } as const;
const bundle = { level: "entries", index: 0, width: 1 } as const;
const octets = { "content-type": "application/octet-stream" };

async function failure(fetcher: TileFetcher, file: LogFile): Promise<string> {
  try {
    await fetcher.fetch(file);
  } catch (fault) {
    assert.ok(fault instanceof FetchError, String(fault));
    return fault.message;
  }
  return "no failure";
}

/** Until whoever asked has gone. */
function flood(response: ServerResponse, chunk: Buffer): void {
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once("drain", more);
  };
  more();
}

describe("fetching a log's files", () => {
  it("asks for the files by their paths, with the token, and gives what comes, packed or not", async (t) => {
    const asked: (readonly [string | undefined, string | undefined])[] = [];
    const fetcher = await served(
      t,
      ({ url, headers }, response) => {
        asked.push([url, headers.authorization]);
        const packed = url?.includes("entries") === true;
        const body = Buffer.from(`of ${url}`);
        response.writeHead(200, { ...octets, ...(packed ? { "content-encoding": "gzip" } : {}) });
        response.end(packed ? gzipSync(body) : body);
      },
      { token: "secret" },
    );
    for (const [file, path] of [
      ["checkpoint", "/log/checkpoint"],
      ["vkey", "/log/vkey"],
      [tile, "/log/tile/0/000"],
      [bundle, "/log/tile/entries/000.p/1"],
    ] as const) {
      assert.equal(Buffer.from((await fetcher.fetch(file)) ?? []).toString(), `of ${path}`);
      assert.deepEqual(asked.at(-1), [path, "Bearer secret"]);
    }
  });

  it("tells what is not there from what could not be had", async (t) => {
    const status = { code: 404 };
    const fetcher = await served(t, (_, response) => response.writeHead(status.code).end());
    assert.equal(await fetcher.fetch(tile), null);
    for (const [code, expected] of [
      [401, /refuses it \(401\); give a token/],
      [403, /refuses it \(403\)/],
      [400, /answers 400/],
      [500, /answers 500/],
      [204, /answers 204/],
    ] as const) {
      status.code = code;
      assert.match(await failure(fetcher, tile), expected);
    }
    const nobody = httpFetcher("http://127.0.0.1:9/log", { tries: 1 });
    assert.match(await failure(nobody, "checkpoint"), /could not be fetched: .*(?:ECONNREFUSED|bad port)/);
  });

  it("asks again for what does not come, and then gives up", async (t) => {
    let asked = 0;
    const fetcher = await served(
      t,
      (_, response) => {
        asked += 1;
        if (asked % 3 === 0) response.writeHead(200, octets).end("there");
        else response.writeHead(asked % 3 === 1 ? 503 : 429).end();
      },
      { tries: 3 },
    );
    assert.equal(Buffer.from((await fetcher.fetch("checkpoint")) ?? []).toString(), "there");
    assert.equal(asked, 3);
    const impatient = await served(t, (_, response) => response.writeHead(503).end(), { tries: 2 });
    assert.match(await failure(impatient, "checkpoint"), /answers 503/);
  });

  it("follows nowhere, and says where it was sent", async (t) => {
    let reached = false;
    const fetcher = await served(t, ({ url }, response) => {
      reached ||= url === "/elsewhere";
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    assert.match(
      await failure(fetcher, "checkpoint"),
      /redirects to `http:.*\/elsewhere`, which is not followed/,
    );
    assert.equal(reached, false);
  });

  it("takes no page for a file of a log", async (t) => {
    const fetcher = await served(t, (_, response) => {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<h1>Sign in</h1>");
    });
    assert.match(await failure(fetcher, "checkpoint"), /comes as `text\/html`/);
  });

  it("reads no more than a file can have: endless, announced and packed ones", async (t) => {
    const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20));
    const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
      "/log/checkpoint": (response) => flood(response.writeHead(200, octets), Buffer.alloc(65_536, "a")),
      "/log/vkey": (response) => response.writeHead(200, octets).end(Buffer.alloc(1_025)),
      "/log/tile/0/000": (response) => response.writeHead(200, octets).end(Buffer.alloc(8_193)),
      "/log/tile/entries/000.p/1": (response) =>
        response.writeHead(200, { ...octets, "content-encoding": "gzip" }).end(bomb),
    };
    const fetcher = await served(t, ({ url = "" }, response) => answers[url]?.(response));
    for (const [file, most] of [
      ["checkpoint", 65_536],
      ["vkey", 1_024],
      [tile, 8_192],
      [bundle, 65_537],
    ] as const) {
      assert.match(await failure(fetcher, file), new RegExp(`more than the ${most} bytes`));
    }
  });

  it("waits for nothing without end: no answer, a body that stops, one that drips", async (t) => {
    const dripping: NodeJS.Timeout[] = [];
    t.after(() => dripping.forEach(clearInterval));
    const fetcher = await served(
      t,
      ({ url }, response) => {
        if (url === "/log/vkey") return;
        response.writeHead(200, octets).write("a");
        if (url === "/log/checkpoint") dripping.push(setInterval(() => response.write("a"), 10));
      },
      { timeoutMs: 300 },
    );
    for (const file of ["vkey", "checkpoint", tile] as const) {
      assert.match(await failure(fetcher, file), /did not come within 0\.3 s/);
    }
  });

  it("says that a body was cut off, and what is packed wrongly", async (t) => {
    const fetcher = await served(t, ({ url }, response) => {
      if (url === "/log/vkey") {
        response.writeHead(200, { ...octets, "content-encoding": "gzip" }).end("no gzip");
        return;
      }
      response.writeHead(200, { ...octets, "content-length": "100" }).write("a", () => response.destroy());
    });
    assert.match(await failure(fetcher, "checkpoint"), /could not be fetched/);
    assert.match(await failure(fetcher, "vkey"), /could not be fetched/);
  });

  it("has few requests under way, however many files are asked for", async (t) => {
    const waiting: ServerResponse[] = [];
    let answered = 0;
    let most = 0;
    const fetcher = await served(t, (_, response) => {
      waiting.push(response);
      most = Math.max(most, waiting.length);
      // Once as many wait as come without an answer, all are answered.
      if (waiting.length < 16 && answered + waiting.length < 300) return;
      for (const one of waiting.splice(0)) {
        answered += 1;
        one.writeHead(200, octets).end("a");
      }
    });
    const files = Array.from({ length: 300 }, (_, index) => fetcher.fetch({ ...tile, index }));
    await Promise.all(files);
    assert.deepEqual([answered, most], [300, 16]);
  });

  it("takes URLs of logs only", () => {
    for (const url of [
      "ftp://gate.example/log",
      "http://",
      "https://user:secret@gate.example/log",
      "https://gate.example/log?token=secret",
      "https://gate.example/log#top",
    ]) {
      assert.throws(() => httpFetcher(url), FetchError, url);
    }
    assert.equal(httpFetcher("https://gate.example/log/").place, "`https://gate.example/log/`");
  });
});
