import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { openCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { appendLeafHashes, emptyHead, leafHash, rootOf } from "portcullis-verify/log/merkle-tree.ts";
import { parseVerifierKey } from "portcullis-verify/log/signed-note.ts";
import { decodeBundle, tilePath, tilesOf, widthIn } from "portcullis-verify/log/tiles.ts";
import { skipWithoutPostgres, startCluster } from "../../src/storage/postgres/cluster.test-support.ts";
import { openOn } from "../../src/storage/postgres/storage.test-support.ts";
import { type LogBench, logBench, token } from "./log-bench.ts";
import { startGateway, testFolder } from "./test-gateway.ts";

const size = 66_000;
let bench: LogBench;

const ends: (() => Promise<void>)[] = [];

before(async () => {
  bench = await logBench({ after: (end) => ends.push(end) });
  await bench.grow(size);
});

after(async () => {
  for (const end of ends) await end();
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** As it is written, where `fetch` would tidy the path and take the encoding off. */
function ask(
  path: string,
  headers: Readonly<Record<string, string>> = { authorization: `Bearer ${token}` },
  { url = bench.url, method = "GET" } = {},
): Promise<Answer> {
  const { hostname, port, pathname } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ hostname, port, path: `${pathname}/${path}`, method, headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.once("error", reject);
      answer.once("end", () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) }),
      );
    });
    sent.once("error", reject);
    sent.end();
  });
}

test("the checkpoint opens under the key that is beside it, and is cached for a moment", async () => {
  const [vkey, checkpoint] = [await ask("vkey"), await ask("checkpoint")];
  for (const { status, headers } of [vkey, checkpoint]) {
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "text/plain; charset=utf-8");
  }
  assert.equal(checkpoint.headers["cache-control"], "private, max-age=1, must-revalidate");
  const verifier = parseVerifierKey(vkey.body.toString().trimEnd());
  assert.ok(verifier.ok);
  const opened = openCheckpoint(checkpoint.body.toString(), verifier.value);
  assert.ok(opened.ok);
  assert.equal(opened.value.size, size);
});

test("whoever has all bundles and tiles has the tree of the checkpoint", async () => {
  const hashes: Uint8Array[] = [];
  for (const place of tilesOf(size)) {
    const tile = await ask(tilePath(place));
    assert.deepEqual([tile.status, tile.body.length], [200, 32 * place.width], tilePath(place));
    assert.equal(tile.headers["content-type"], "application/octet-stream");
    assert.equal(tile.headers["cache-control"], "private, max-age=31536000, immutable");
    if (place.level !== 0) continue;
    const bundle = await ask(tilePath({ ...place, level: "entries" }));
    assert.equal(bundle.headers["content-type"], "application/octet-stream");
    assert.equal(bundle.headers["cache-control"], "private, max-age=31536000, immutable");
    const leaves = decodeBundle(bundle.body, place.width);
    assert.ok(leaves.ok);
    assert.deepEqual(tile.body, Buffer.concat(leaves.value.map(leafHash)));
    hashes.push(...leaves.value.map(leafHash));
  }
  const root = Buffer.from(rootOf(appendLeafHashes(emptyHead, hashes))).toString("base64");
  assert.equal((await ask("checkpoint")).body.toString().split("\n")[2], root);
});

test("a tile is there in every width that it had, and in no other", async () => {
  const last = Math.floor(size / 256);
  for (const level of [0, "entries"] as const) {
    const whole = await ask(tilePath({ level, index: 3, width: 256 }));
    for (let width = 1; width < 256; width += 1) {
      const part = await ask(tilePath({ level, index: 3, width }));
      assert.equal(part.status, 200);
      assert.deepEqual(part.body, whole.body.subarray(0, part.body.length));
      if (level === 0) assert.equal(part.body.length, 32 * width);
    }
    const width = widthIn(size, { level, index: last });
    assert.equal((await ask(tilePath({ level, index: last, width }))).status, 200);
    for (const beyond of [
      { level, index: last, width: width + 1 },
      { level, index: last, width: 256 },
      { level, index: last + 1, width: 1 },
    ])
      assert.equal((await ask(tilePath(beyond))).status, 404, tilePath(beyond));
  }
  assert.equal((await ask("tile/2/000.p/1")).status, 200);
  for (const path of ["tile/2/000.p/2", "tile/2/000", "tile/3/000.p/1", "tile/1/001.p/2"])
    assert.equal((await ask(path)).status, 404, path);
});

test("what is appended is not served before it is published", async (t) => {
  const growing = await logBench(t);
  await growing.grow(10);
  const leaf = Buffer.from("unpublished");
  await growing.storage.log.append([{ id: crypto.randomUUID(), leaf, salt: null }]);
  const { url } = growing;
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await ask("tile/entries/000.p/11", headers, { url })).status, 404);
  await growing.trail.publishCheckpoint();
  assert.equal((await ask("tile/entries/000.p/11", headers, { url })).status, 200);
});

test("paths that are no tile's are not found, however they are written", async () => {
  for (const path of [
    "",
    "tile",
    "tile/",
    "tile/0/0",
    "tile/00/000",
    "tile/0/000/",
    "tile/0/000.p/0",
    "tile/0/000.p/01",
    "tile/0/000.p/256",
    "tile/0/000.p/-1",
    "tile/0/x000/001",
    "tile/7/000.p/1",
    "tile/64/000",
    "tile/0/000?x=1",
    "tile/0/%30%30%30",
    "tile/entries/../../checkpoint",
    "tile/0/..%2f..%2f..%2fetc%2fpasswd",
    "tile/data/000",
    "checkpoint/",
    "Checkpoint",
    `tile/0/${"x999/".repeat(200)}999`,
    `tile/0/${"x999/".repeat(20)}999`,
    "tile/0/000%00",
  ]) {
    const { status, headers } = await ask(path);
    assert.equal(status, 404, path);
    assert.equal(headers["cache-control"], "no-store", path);
  }
  assert.equal((await ask("tile/0/%zz")).status, 400);
  for (const method of ["POST", "PUT", "DELETE"])
    assert.equal((await ask("checkpoint", { authorization: `Bearer ${token}` }, { method })).status, 404);
  assert.deepEqual(bench.faults, []);
});

test("a bundle is compressed for who takes that, and nothing else is", async () => {
  const path = "tile/entries/000";
  const plain = await ask(path);
  assert.equal(plain.headers["vary"], "accept-encoding");
  assert.equal(plain.headers["content-encoding"], undefined);
  const asking = (accepted: string): Readonly<Record<string, string>> => ({
    authorization: `Bearer ${token}`,
    "accept-encoding": accepted,
  });
  for (const accepted of ["gzip", "deflate, gzip;q=0.5", "*", "GZIP", "identity;q=0, gzip;q=1.0"]) {
    const packed = await ask(path, asking(accepted));
    assert.equal(packed.headers["content-encoding"], "gzip", accepted);
    assert.ok(packed.body.length < plain.body.length / 2);
    assert.deepEqual(gunzipSync(packed.body), plain.body);
    assert.notEqual(packed.headers["etag"], plain.headers["etag"]);
  }
  for (const accepted of ["identity", "gzip;q=0", "br", "*;q=0", "gzip;q=x"])
    assert.deepEqual((await ask(path, asking(accepted))).body, plain.body, accepted);
  assert.equal((await ask("tile/0/000", asking("gzip"))).headers["content-encoding"], undefined);
});

test("whoever has it already is told so, and whoever only asks for the head gets that", async () => {
  for (const path of ["checkpoint", "vkey", "tile/0/000", "tile/entries/001"]) {
    const whole = await ask(path);
    const tag = String(whole.headers["etag"]);
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
      const same = await ask(path, { authorization: `Bearer ${token}`, "if-none-match": known });
      assert.deepEqual([same.status, same.body.length, same.headers["etag"]], [304, 0, tag], known);
      assert.equal(same.headers["cache-control"], whole.headers["cache-control"]);
    }
    const other = await ask(path, { authorization: `Bearer ${token}`, "if-none-match": '"other"' });
    assert.equal(other.status, 200);
    const head = await ask(path, { authorization: `Bearer ${token}` }, { method: "HEAD" });
    assert.deepEqual([head.status, head.body.length], [200, 0]);
    for (const name of ["content-length", "content-type", "etag", "cache-control"])
      assert.equal(head.headers[name], whole.headers[name], `${name} of ${path}`);
  }
});

test("it is for operators until it is opened", async () => {
  for (const path of ["checkpoint", "vkey", "tile/0/000", "tile/nonsense"]) {
    for (const headers of [{}, { authorization: "Bearer pco_wrong" }, { authorization: "Basic pco_bench" }]) {
      const refused = await ask(path, headers);
      assert.equal(refused.status, 401, path);
      assert.match(String(refused.headers["www-authenticate"]), /^Bearer realm="portcullis"/);
      assert.equal(refused.headers["cache-control"], "no-store");
    }
  }
  const foreign = { authorization: `Bearer ${token}`, "sec-fetch-site": "cross-site" };
  assert.equal((await ask("checkpoint", foreign)).status, 403);
  bench.open.is = true;
  try {
    assert.equal(
      (await ask("checkpoint", {})).headers["cache-control"],
      "public, max-age=1, must-revalidate",
    );
    const tile = await ask("tile/0/000", { "sec-fetch-site": "cross-site" });
    assert.deepEqual(
      [tile.status, tile.headers["cache-control"]],
      [200, "public, max-age=31536000, immutable"],
    );
  } finally {
    bench.open.is = false;
  }
});

test("10,000 requests at once are answered or put off, and then it goes on", async () => {
  const statuses = new Map<number, number>();
  let next = 0;
  const one = async (): Promise<void> => {
    for (let at = next; at < 10_000; at = next) {
      next += 1;
      const { status } = await ask(`tile/entries/${String(at % 200).padStart(3, "0")}`);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 400 }, one));
  assert.equal((statuses.get(200) ?? 0) + (statuses.get(503) ?? 0), 10_000);
  assert.ok((statuses.get(200) ?? 0) > 1_000, JSON.stringify([...statuses]));
  assert.equal((await ask("tile/0/000")).status, 200);
  assert.deepEqual(bench.faults, []);
});

test("a log whose store is down cannot be read, and says so", skipWithoutPostgres(), async (t) => {
  const cluster = await startCluster();
  t.after(() => cluster.close());
  const storage = await openOn(cluster, await cluster.newDatabase());
  t.after(() => storage.close());
  const down = await logBench(t, storage);
  await down.grow(600);
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await ask("tile/1/000.p/2", headers, down)).status, 200);
  await cluster.stop("immediate");
  for (const path of ["tile/0/000", "tile/1/000.p/2", "tile/entries/001"]) {
    const refused = await ask(path, headers, down);
    assert.equal(refused.status, 503, path);
    assert.equal(refused.headers["cache-control"], "no-store");
    assert.match(refused.body.toString(), /the log cannot be read now; try again when \/readyz says so/);
  }
  assert.equal((await ask("checkpoint", headers, down)).status, 200, "it is at hand");
  await cluster.start();
  while ((await ask("tile/0/000", headers, down)).status !== 200);
  assert.deepEqual(down.faults, []);
});

test("a gateway serves its log, to everybody once the config says so", async (t) => {
  const config = (more: string): string =>
    `providers:\n  demo: { type: demo }\napplications:\n  - { name: assistant }\n${more}`;
  const gateway = await startGateway(testFolder({ "portcullis.yaml": config("") }));
  t.after(() => gateway.kill());
  const url = `${gateway.url}/log`;
  assert.equal((await ask("checkpoint", {}, { url })).status, 401);
  assert.equal((await ask("nonsense", {}, { url })).status, 401);
  writeFileSync(join(gateway.folder, "portcullis.yaml"), config("audit: { public_log: true }\n"));
  await gateway.hangUp("the changed config is in force");
  const checkpoint = await ask("checkpoint", {}, { url });
  assert.equal(checkpoint.status, 200);
  const published = Number(checkpoint.body.toString().split("\n")[1]);
  const path = tilePath({ level: "entries", index: 0, width: published });
  const bundle = decodeBundle((await ask(path, {}, { url })).body, published);
  assert.ok(bundle.ok);
  assert.equal(JSON.parse(Buffer.from(bundle.value[0] ?? "").toString()).type, "log.created");
  assert.equal((await ask("nonsense", {}, { url })).status, 404);
  await gateway.close();
});
