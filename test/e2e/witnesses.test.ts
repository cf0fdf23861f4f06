// A gateway and its witnesses, each a process: what is given out is cosigned by enough of them, nothing waits for them, and
// what they have seen binds the gateway.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { openCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { cosignaturesOn, parseWitnessKey } from "portcullis-verify/log/cosignature.ts";
import { formatSignerKey, noteSigner } from "portcullis-verify/log/signed-note.ts";
import {
  skipWithoutPostgres,
  startCluster,
  type TestCluster,
} from "../../src/storage/postgres/cluster.test-support.ts";
import { WitnessedTestLog } from "../../src/witness/witnessed-log.test-support.ts";
import { parseExposition, sampleOf } from "./exposition.ts";
import { freePort } from "./free-port.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { startWitness, type TestWitness } from "./test-witness.ts";

const seed = Buffer.alloc(32, 42);
const signer = noteSigner("gate.example/witnessed", seed);
const patienceMs = 60_000;

/** A folder with the log's key in it, so that witnesses can know it before its gateway has been started. */
function gatewayFolder(t: TestContext, witnesses: readonly TestWitness[], more = ""): string {
  const list = witnesses.map(({ url, vkey }) => `    - { url: "${url}", vkey: "${vkey}" }\n`).join("");
  const folder = testFolder({
    "portcullis.yaml": `providers:
  demo: { type: demo }
applications:
  - { name: assistant }
audit:
  witnesses:
${list}${more}`,
  });
  mkdirSync(join(folder, "keys"), { mode: 0o700 });
  writeFileSync(join(folder, "keys", "log.key"), `${formatSignerKey(signer.name, seed)}\n`, { mode: 0o600 });
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function ask({ url }: TestGateway, key: string | null): Promise<number> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "demo/assistant", messages: [{ role: "user", content: "Hello" }] }),
  });
  await answer.text();
  return answer.status;
}

interface Served {
  readonly status: number;
  readonly note: string;
  readonly size: number;
}

async function served({ url, folder }: TestGateway): Promise<Served> {
  const { token }: { token: string } = JSON.parse(readFileSync(join(folder, "data/operator.json"), "utf8"));
  const answer = await fetch(`${url}/log/checkpoint`, { headers: { authorization: `Bearer ${token}` } });
  const note = await answer.text();
  const opened = openCheckpoint(note, signer);
  return { status: answer.status, note, size: opened.ok ? opened.value.size : -1 };
}

/** Nothing that could be awaited says so to a client; it asks as a monitor would. */
async function until<Value>(look: () => Promise<Value | null>, what: string): Promise<Value> {
  for (const end = performance.now() + patienceMs; performance.now() < end; ) {
    const found = await look();
    if (found !== null) return found;
    await new Promise((resolved) => setTimeout(resolved, 50));
  }
  return assert.fail(`not within ${patienceMs} ms: ${what}`);
}

function beyond(gateway: TestGateway, size: number): Promise<Served> {
  return until(async () => {
    const now = await served(gateway);
    return now.size > size ? now : null;
  }, `a checkpoint of more than ${size} entries is given out`);
}

function cosignersOf(note: string, witnesses: readonly TestWitness[]): readonly string[] {
  const keys = witnesses.map(({ vkey }) => {
    const parsed = parseWitnessKey(vkey);
    assert.ok(parsed.ok);
    return parsed.value;
  });
  const found = cosignaturesOn(note, keys);
  assert.ok(found.ok);
  return found.value.map(({ witness }) => witness.name).sort();
}

async function twoWitnesses(t: TestContext): Promise<readonly [TestWitness, TestWitness]> {
  const one = await startWitness("w.example/one", signer.vkey);
  t.after(() => one.kill());
  const two = await startWitness("w.example/two", signer.vkey);
  t.after(() => two.kill());
  return [one, two];
}

async function started(t: TestContext, folder: string): Promise<TestGateway> {
  const gateway = await startGateway(folder);
  t.after(() => gateway.kill());
  return gateway;
}

test("gives out what both of two witnesses have cosigned, and waits for none of them when one is gone", async (t) => {
  const [one, two] = await twoWitnesses(t);
  const port = await freePort();
  const folder = gatewayFolder(t, [one, two], `metrics: { listen: "127.0.0.1:${port}" }\n`);
  const gateway = await started(t, folder);
  const first = await beyond(gateway, 0);
  assert.deepEqual(cosignersOf(first.note, [one, two]), ["w.example/one", "w.example/two"]);
  assert.equal(await ask(gateway, gateway.key), 200);
  const second = await beyond(gateway, first.size);
  assert.deepEqual(cosignersOf(second.note, [one, two]), ["w.example/one", "w.example/two"]);

  await two.kill();
  for (let call = 0; call < 3; call += 1) assert.equal(await ask(gateway, gateway.key), 200);
  const metrics = await until(async () => {
    const page = parseExposition(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
    const labels = { witness: "w.example/two", outcome: "unreachable" };
    return sampleOf(page, "portcullis_witness_requests_total", labels) > 0 ? page : null;
  }, "the witness that is gone is counted as unreachable");
  assert.ok(sampleOf(metrics, "portcullis_trail_unwitnessed_entries") > 0);
  assert.ok(sampleOf(metrics, "portcullis_witness_lag_entries", { witness: "w.example/two" }) > 0);
  assert.equal(sampleOf(metrics, "portcullis_trail_available"), 1);
  const meanwhile = await served(gateway);
  assert.deepEqual(cosignersOf(meanwhile.note, [one, two]).length, 2, "nothing with fewer is given out");
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 200);

  const back = await startWitness("w.example/two", signer.vkey, two);
  t.after(() => back.kill());
  assert.equal(back.vkey, two.vkey);
  const third = await beyond(gateway, meanwhile.size);
  assert.equal(cosignersOf(third.note, [one, two]).length, 2);
  await gateway.stop();

  const policy = join(folder, "policy");
  const keys = `log ${signer.vkey}\nwitness one ${one.vkey}\nwitness two ${two.vkey}\n`;
  writeFileSync(policy, `${keys}group both all one two\nquorum both\n`);
  const verified = gateway.cli("audit", "verify", "--policy", policy);
  assert.equal(verified.status, 0, verified.stdout + verified.stderr);
  assert.match(
    verified.stdout,
    /witnesses: the first \d+ entries, by w\.example\/(?:one|two), w\.example\/(?:one|two), at 20/,
  );
  assert.doesNotMatch(verified.stdout, /against any witness|no policy names any/, "the last entry too");
});

test("goes on with a witness that was restored from an older state, and that state is cosigned past again", async (t) => {
  const [one, two] = await twoWitnesses(t);
  const folder = gatewayFolder(t, [one, two]);
  const gateway = await started(t, folder);
  const before = await beyond(gateway, 0);
  await two.stop();
  const copy = testFolder();
  t.after(() => rmSync(copy, { recursive: true }));
  cpSync(two.folder, copy, { recursive: true });
  const again = await startWitness("w.example/two", signer.vkey, two);
  assert.equal(await ask(gateway, gateway.key), 200);
  const ahead = await beyond(gateway, before.size);
  await again.stop();
  const restored = await startWitness("w.example/two", signer.vkey, { folder: copy, port: two.port });
  t.after(() => restored.kill());
  assert.equal(await ask(gateway, gateway.key), 200);
  const after = await beyond(gateway, ahead.size);
  assert.equal(cosignersOf(after.note, [one, two]).length, 2);
  await gateway.stop();
});

interface CopiedGateway {
  readonly one: TestWitness;
  readonly folder: string;
  readonly copy: string;
  readonly key: string | null;
}

/** A witnessed gateway that was stopped and copied, keys and all. */
async function copiedGateway(t: TestContext): Promise<CopiedGateway> {
  const one = await startWitness("w.example/one", signer.vkey);
  t.after(() => one.kill());
  const folder = gatewayFolder(t, [one]);
  const first = await started(t, folder);
  const { key } = first;
  await beyond(first, 0);
  await first.stop();
  const copy = testFolder();
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  cpSync(folder, copy, { recursive: true });
  return { one, folder, copy, key };
}

test("does not start from an older copy of all it has, which a witness has seen more of", async (t) => {
  const { folder, copy, key } = await copiedGateway(t);
  const second = await started(t, folder);
  const size = (await beyond(second, 0)).size;
  assert.equal(await ask(second, key), 200);
  await beyond(second, size);
  await second.stop();
  await assert.rejects(
    startGateway(copy),
    /ended with 2: .*the witness `w\.example\/one` contradicts the data store: it has cosigned \d+ entries of this log/s,
  );
  // The original is none the worse for it.
  const third = await started(t, folder);
  await third.stop();
});

test("signs nothing more when a witness has seen a fork of it while it runs, and says so", async (t) => {
  const { one, folder, copy, key } = await copiedGateway(t);
  const original = await started(t, folder);
  await beyond(original, 0);
  // What the original recorded since the copy, the witness has seen; so the copy finds out before it signs.
  await assert.rejects(startGateway(copy), /contradicts the data store/);
  // A fork that gets ahead while nobody looks: its witness is asked for nothing until it has more entries.
  await one.stop();
  const fork = await started(t, copy);
  for (let call = 0; call < 5; call += 1) assert.equal(await ask(fork, key), 200);
  const back = await startWitness("w.example/one", signer.vkey, one);
  t.after(() => back.kill());
  await until(
    async () => ((await fetch(`${fork.url}/readyz`)).status === 503 ? true : null),
    "the fork is not ready any more",
  );
  assert.equal(await ask(fork, key), 503);
  assert.equal((await fetch(`${original.url}/readyz`)).status, 200);
  assert.equal(await ask(original, key), 200);
  await original.stop();
});

test("a witness that is killed while it is asked knows all that it has answered", async (t) => {
  const log = new WitnessedTestLog(9);
  let witness = await startWitness("w.example/killed", log.signer.vkey);
  t.after(() => witness.kill());
  const post = (body: string) => fetch(`${witness.url}/add-checkpoint`, { method: "POST", body });
  let answered = 0;
  for (let round = 0; round < 3; round += 1) {
    const killed = answered + 5;
    for (;;) {
      if (answered === killed) void witness.kill();
      const answer = await post(await log.request(answered, answered + 1)).catch(() => null);
      if (answer?.status !== 200) break;
      answered += 1;
    }
    await witness.kill();
    witness = await startWitness("w.example/killed", log.signer.vkey, witness);
    const conflict = await post(await log.request(0, answered + 9));
    assert.equal(conflict.status, 409);
    const known = Number(await conflict.text());
    assert.ok(known === answered || known === answered + 1, `${known} after ${answered} were answered`);
    answered = known;
  }
});

describe("several gateways on one database", skipWithoutPostgres(), () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  test("have the one that signs ask, give out the same, and refuse a database that was set back", async (t) => {
    const one = await startWitness("w.example/one", signer.vkey);
    t.after(() => one.kill());
    const database = `database: "${cluster.url(await cluster.newDatabase())}"\n`;
    const first = await started(t, gatewayFolder(t, [one], database));
    await beyond(first, 0);
    const folder = gatewayFolder(t, [one], database);
    rmSync(join(folder, "keys"), { recursive: true });
    cpSync(join(first.folder, "keys"), join(folder, "keys"), { recursive: true });
    const second = await started(t, folder);
    for (const gateway of [first, second, first]) assert.equal(await ask(gateway, first.key), 200);
    const { size } = await beyond(first, (await served(second)).size);
    const other = await beyond(second, size - 1);
    assert.deepEqual(cosignersOf(other.note, [one]), ["w.example/one"]);
    await second.stop();
    assert.equal(await ask(first, first.key), 200);
    await beyond(first, other.size);
    await first.stop();
    const empty = `database: "${cluster.url(await cluster.newDatabase())}"\n`;
    const lost = gatewayFolder(t, [one], empty);
    await assert.rejects(startGateway(lost), /contradicts the data store: it has cosigned \d+ entries/);
  });
});
