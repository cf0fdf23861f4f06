// The disk under the log at its worst: it reports errors, is full, cannot be written, or the process is killed in the middle
// of a write. Nothing leaves that is not on record, what was told is on record, and it goes on without a restart.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { injectFault, withoutStrace } from "./injected-fault.ts";
import { without } from "./needs.ts";
import { type ScriptedUpstream, scriptedUpstream } from "./scripted-upstream.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { completionOf, leavesOf, readTrail } from "./trail.ts";

const answer = JSON.stringify({
  id: "x",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }],
});
const whole = { "content-type": "application/json", "content-length": Buffer.byteLength(answer) };

interface Told {
  readonly status: number;
  readonly call: string;
  readonly text: string;
}

async function ask(gateway: TestGateway, key: string, stream = false): Promise<Told> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "up/m", stream, messages: [{ role: "user", content: "Hello" }] }),
  });
  const call = response.headers.get("x-portcullis-call") ?? "";
  return { status: response.status, call, text: await response.text() };
}

async function answering(t: TestContext): Promise<ScriptedUpstream> {
  const upstream = await scriptedUpstream((response) => response.writeHead(200, whole).end(answer));
  t.after(() => upstream.close());
  return upstream;
}

function folderFor(t: TestContext, upstream: ScriptedUpstream, at = testFolder()): string {
  t.after(() => rmSync(at, { recursive: true, force: true }));
  writeFileSync(
    join(at, "portcullis.yaml"),
    `providers:\n  up: { type: openai, base_url: "${upstream.baseUrl}" }\napplications:\n  - { name: assistant }\n`,
  );
  return at;
}

const patienceMs = 30_000;

/** Nothing that could be awaited says so to a client; it asks as a load balancer would. */
async function ready(gateway: TestGateway): Promise<void> {
  const until = performance.now() + patienceMs;
  while ((await fetch(`${gateway.url}/readyz`)).status !== 200) {
    assert.ok(performance.now() < until, "it is ready again without a restart");
    await new Promise((resolved) => setTimeout(resolved, 50));
  }
}

async function assertOnRecord(gateway: TestGateway, told: readonly Told[]): Promise<void> {
  const ends = new Map(
    leavesOf(await readTrail(gateway), "call.completed").map(({ call, outcome }) => [call, outcome]),
  );
  for (const { call } of told) assert.equal(ends.get(call), "ok", call);
}

const syncs = "fsync,fdatasync";
const faults = [
  ["the disk reports an error at every sync", syncs, "error=EIO"],
  ["the disk reports an error at every write", "pwrite64", "error=EIO"],
  ["the disk is full at every write", "pwrite64", "error=ENOSPC"],
  ["the file system has become read-only", "pwrite64", "error=EROFS"],
] as const;

for (const [name, calls, fault] of faults) {
  test(`${name}: every call is refused and none leaves, and it goes on when that is over`, {
    skip: withoutStrace,
  }, async (t) => {
    const upstream = await answering(t);
    const gateway = await startGateway(folderFor(t, upstream));
    t.after(() => gateway.kill());
    const key = gateway.key ?? "";
    const told = [await ask(gateway, key)];
    const injected = await injectFault(gateway.pid, calls, fault);
    const sent = upstream.bodies.length;
    const refused = await Promise.all([1, 2, 3, 4, 5, 6].map((at) => ask(gateway, key, at % 2 === 0)));
    for (const { status, text } of refused) {
      assert.equal(status, 503, text);
      assert.match(text, /"trail_unavailable"/);
    }
    assert.equal((await fetch(`${gateway.url}/readyz`)).status, 503);
    assert.equal(gateway.cli("doctor").status, 1);
    assert.equal(upstream.bodies.length, sent, "nothing left");
    await injected.end();
    await ready(gateway);
    told.push(await ask(gateway, key), await ask(gateway, key));
    for (const { status, text } of told) assert.equal(status, 200, text);
    await gateway.stop();
    await assertOnRecord(gateway, told);
  });
}

test("an answer that cannot be recorded is not given, and its call is completed once when it can be", {
  skip: withoutStrace,
}, async (t) => {
  const held: (() => void)[] = [];
  const arrived = Promise.withResolvers<null>();
  const upstream = await scriptedUpstream((response) => {
    held.push(() => response.writeHead(200, whole).end(answer));
    arrived.resolve(null);
  });
  t.after(() => upstream.close());
  const gateway = await startGateway(folderFor(t, upstream));
  t.after(() => gateway.kill());
  const asked = ask(gateway, gateway.key ?? "");
  await arrived.promise;
  const injected = await injectFault(gateway.pid, syncs, "error=EIO");
  for (const release of held) release();
  const { status, text, call } = await asked;
  assert.equal(status, 503, text);
  assert.match(text, /"answer_unrecorded"/);
  assert.doesNotMatch(text, /Hello/);
  await injected.end();
  await ready(gateway);
  await gateway.stop();
  const completed = leavesOf(await readTrail(gateway), "call.completed").filter((leaf) => leaf.call === call);
  assert.equal(completed.length, 1);
  assert.notEqual(completed[0]?.outcome, "ok");
});

const kills = [
  [syncs, [1, 2, 3, 7]],
  ["pwrite64", [1, 2, 5, 12]],
] as const;

test("killed at a sync or a write under load, it has all that was told, and starts again", {
  skip: withoutStrace,
}, async (t) => {
  const upstream = await answering(t);
  const folder = folderFor(t, upstream);
  let key = "";
  const told: Told[] = [];
  for (const [calls, points] of kills) {
    for (const point of points) {
      const gateway = await startGateway(folder);
      t.after(() => gateway.kill());
      key = gateway.key ?? key;
      await injectFault(gateway.pid, calls, `signal=KILL:when=${point}`);
      let ended = false;
      const over = gateway.ended.then(() => {
        ended = true;
      });
      const load = [1, 2, 3, 4].map(async () => {
        while (!ended) {
          const answered = await ask(gateway, key).catch(() => null);
          if (answered?.status === 200) told.push(answered);
        }
      });
      await Promise.all([over, ...load]);
    }
  }
  const gateway = await startGateway(folder);
  t.after(() => gateway.kill());
  told.push(await ask(gateway, key));
  await gateway.stop();
  await assertOnRecord(gateway, told);
});

const withoutMount = without(
  process.platform === "linux" && process.getuid?.() === 0,
  "a small disk is mounted by root on Linux only",
);

test("a full disk refuses calls, and takes them again when there is room", {
  skip: withoutMount,
}, async (t) => {
  const upstream = await answering(t);
  const disk = testFolder();
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", disk], {
    encoding: "utf8",
  });
  assert.equal(mounted.status, 0, mounted.stderr);
  t.after(() => {
    assert.equal(spawnSync("umount", [disk]).status, 0);
    rmSync(disk, { recursive: true });
  });
  const folder = join(disk, "gateway");
  mkdirSync(folder);
  const gateway = await startGateway(folderFor(t, upstream, folder));
  t.after(() => gateway.kill());
  const key = gateway.key ?? "";
  const told = [await ask(gateway, key)];
  const ballast = join(disk, "ballast");
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - 256 * 1024)));
  let refused: Told | null = null;
  for (let calls = 0; calls < 2_000 && refused === null; calls += 1) {
    const one = await ask(gateway, key);
    if (one.status === 200) told.push(one);
    else refused = one;
  }
  assert.equal(refused?.status, 503, refused?.text);
  const { findings } = JSON.parse(gateway.cli("doctor", "--json").stdout);
  assert.ok(
    findings.some(
      (one: { check: string; state: string }) => one.check === "disk space" && one.state === "problem",
    ),
  );
  rmSync(ballast);
  await ready(gateway);
  told.push(await ask(gateway, key));
  await gateway.stop();
  await assertOnRecord(gateway, told);
  assert.equal((await completionOf(gateway, refused.call))?.outcome === "ok", false);
});
