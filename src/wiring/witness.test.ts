import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import pino from "pino";
import { openCheckpoint, signCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { cosignaturesOn, parseWitnessKey, witnessSigner } from "portcullis-verify/log/cosignature.ts";
import { noteSigner, signNote } from "portcullis-verify/log/signed-note.ts";
import type { WitnessConfig } from "../config/witness-config.ts";
import { OperatorError } from "../core/operator-error.ts";
import { openSqliteWitnessStore } from "../storage/sqlite/witness-store.ts";
import { Witness } from "../witness/witness.ts";
import type { WitnessedHead, WitnessStore } from "../witness/witness-store.ts";
import { WitnessedTestLog } from "../witness/witnessed-log.test-support.ts";
import { openWitness, type RunningWitness } from "./witness.ts";

const known = new WitnessedTestLog(1);
const fork = new WitnessedTestLog(1, " of a fork", 3);
const unknown = new WitnessedTestLog(2);
const testWitnessSigner = witnessSigner("witness.example/one", Buffer.alloc(32, 5));

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
}

function configIn(folder: string, changes: Partial<WitnessConfig> = {}): WitnessConfig {
  return {
    name: "witness.example/one",
    listen: "127.0.0.1:0",
    state: folder,
    stateFolder: folder,
    logs: [{ vkey: known.signer.vkey }],
    ...changes,
  };
}

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-witness-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "state");
}

async function start(
  folder: string,
  changes: Partial<WitnessConfig> = {},
  acceptedClock: string | null = null,
): Promise<RunningWitness> {
  const store = openSqliteWitnessStore(folder);
  try {
    const log = pino({ level: "silent" });
    return await openWitness({ config: configIn(folder, changes), store, log, acceptedClock });
  } catch (fault) {
    await store.close();
    throw fault;
  }
}

async function started(t: TestContext, folder = newFolder(t)): Promise<RunningWitness> {
  const witness = await start(folder);
  t.after(() => witness.close());
  return witness;
}

async function post(witness: Pick<RunningWitness, "url">, body: string | Buffer): Promise<Answer> {
  const answer = await fetch(`${witness.url}/add-checkpoint`, { method: "POST", body: Buffer.from(body) });
  return {
    status: answer.status,
    type: answer.headers.get("content-type"),
    text: await answer.text(),
  };
}

function originHash({ signer }: WitnessedTestLog): string {
  return hash("sha256", signer.name, "hex");
}

function timeOf(note: string, answer: string, vkey: string): number {
  const verifier = parseWitnessKey(vkey);
  assert.ok(verifier.ok);
  const cosigned = cosignaturesOn(note + answer, [verifier.value]);
  assert.ok(cosigned.ok && cosigned.value.length === 1, answer);
  return cosigned.value[0]?.time ?? 0;
}

describe("a witness", () => {
  it("cosigns what goes on from what it cosigned before, and gives it to whoever asks", async (t) => {
    const witness = await started(t);
    assert.equal(await (await fetch(`${witness.url}/vkey`)).text(), `${witness.vkey}\n`);
    const place = `${witness.url}/${originHash(known)}/checkpoint`;
    assert.equal((await fetch(place)).status, 404);
    let last = 0;
    for (const size of [0, 3, 3, 4, 7, 8, 300]) {
      const answer = await post(witness, await known.request(last, size));
      assert.equal(answer.status, 200, answer.text);
      const age = Date.now() / 1000 - timeOf(known.note(size), answer.text, witness.vkey);
      assert.ok(age >= 0 && age < 60, `${age}`);
      const served = await (await fetch(place)).text();
      assert.equal(served, known.note(size) + answer.text);
      assert.ok(openCheckpoint(served, known.signer).ok);
      last = size;
    }
  });

  it("answers each fault with the status of the specification, and none of them moves it", async (t) => {
    const witness = await started(t);
    assert.equal((await post(witness, await known.request(0, 5))).status, 200);
    const good = await known.request(5, 9);
    const wrongRoot = signCheckpoint(known.signer, 0, Buffer.alloc(32, 1));
    const stranger = noteSigner(known.signer.name, Buffer.alloc(32, 99));
    const text = known.note(9).split("\n\n")[0] ?? "";
    const extended = signNote(`${text}\nan extension\n`, [stranger]);
    const [oldLine = "", ...rest] = good.split("\n");
    const faults: readonly (readonly [what: string, body: string | Buffer, status: number])[] = [
      ["nothing", "", 400],
      ["no request", "hello", 400],
      ["no note", "old 5\n\nhello\n", 400],
      ["a note that is no checkpoint", `old 5\n\n${signNote("hello\n", [known.signer])}`, 400],
      ["no UTF-8", Buffer.concat([Buffer.from(good), Buffer.from([0xff])]), 400],
      ["too many proof lines", good.replace("\n", `\n${`${"A".repeat(43)}=\n`.repeat(64)}`), 400],
      ["an old size beyond the checkpoint", `old 10\n\n${known.note(9)}`, 400],
      ["an unknown log", await unknown.request(0, 4), 404],
      [
        "an unknown log without any signature of it",
        `old 0\n\n${unknown.note(4).replace("log-2 ", "x ")}`,
        404,
      ],
      ["a signature by nobody known", `old 5\n\n${extended}`, 403],
      ["a signature over something else", good.replace("\n9\n", "\n8\n"), 403],
      ["a proof that is cut", [oldLine, ...rest.slice(1)].join("\n"), 422],
      ["a proof of another", good.replace(rest[0] ?? "", `${"A".repeat(43)}=`), 422],
      ["a fork", await fork.request(5, 9), 422],
      ["a fork of the same size", await fork.request(5, 5), 422],
      ["a proof where there is nothing to prove", `old 5\n${"A".repeat(43)}=\n\n${known.note(5)}`, 422],
    ];
    for (const [what, body, status] of faults) {
      const answer = await post(witness, body);
      assert.equal(answer.status, status, `${what}: ${answer.text}`);
      assert.equal(answer.type, "text/plain; charset=utf-8");
    }
    for (const [from, to] of [
      [0, 9],
      [4, 9],
      [7, 9],
      [3, 4],
    ] as const) {
      const answer = await post(witness, await known.request(from, to));
      assert.deepEqual(answer, { status: 409, type: "text/x.tlog.size", text: "5\n" });
    }
    assert.equal((await post(witness, good)).status, 200);
    assert.equal((await post(witness, `old 0\n\n${wrongRoot}`)).status, 409);
  });

  it("takes as the empty tree only the empty tree, and no proof from it", async (t) => {
    const witness = await started(t);
    const wrongRoot = signCheckpoint(known.signer, 0, Buffer.alloc(32, 1));
    assert.equal((await post(witness, `old 0\n\n${wrongRoot}`)).status, 422);
    assert.equal((await post(witness, `old 0\n${"A".repeat(43)}=\n\n${known.note(3)}`)).status, 422);
    assert.equal((await post(witness, await known.request(0, 3))).status, 200);
  });

  it("lets one of those win that come at the same time, and never goes back", async (t) => {
    const witness = await started(t);
    await post(witness, await known.request(0, 1));
    const bodies = await Promise.all(Array.from({ length: 40 }, (_, at) => known.request(1, 2 + at)));
    const answers = await Promise.all(bodies.map((body) => post(witness, body)));
    const won = answers.flatMap(({ status }, at) => (status === 200 ? [2 + at] : []));
    assert.equal(won.length, 1);
    assert.deepEqual(
      answers.filter(({ status }) => status !== 200).map(({ status, text }) => [status, text]),
      Array.from({ length: 39 }, () => [409, `${won[0]}\n`]),
    );
  });

  it("knows after a restart what it cosigned, under the same key", async (t) => {
    const folder = newFolder(t);
    const first = await start(folder);
    await post(first, await known.request(0, 6));
    await first.close();
    const second = await started(t, folder);
    assert.equal(second.vkey, first.vkey);
    assert.deepEqual((await post(second, await known.request(0, 6))).text, "6\n");
    // Of whoever did not get its answer before.
    assert.equal((await post(second, await known.request(6, 6))).status, 200);
  });

  it("takes other logs while it runs, and keeps what it knows of those that go", async (t) => {
    const folder = newFolder(t);
    const witness = await started(t, folder);
    await post(witness, await known.request(0, 6));
    witness.replaceLogs(configIn(folder, { logs: [{ vkey: unknown.signer.vkey }] }));
    assert.equal((await post(witness, await known.request(6, 7))).status, 404);
    assert.equal((await post(witness, await unknown.request(0, 7))).status, 200);
    assert.throws(() => witness.replaceLogs(configIn(folder, { logs: [{ vkey: "a+b" }] })), OperatorError);
    witness.replaceLogs(configIn(folder));
    assert.equal((await post(witness, await known.request(0, 7))).text, "6\n");
  });

  it("accepts any key that its config has for an origin", async (t) => {
    const folder = newFolder(t);
    const origin = known.signer.name;
    const next = noteSigner("gate.example/next-key", Buffer.alloc(32, 7));
    const logs = [{ vkey: known.signer.vkey }, { vkey: next.vkey, origin }];
    const witness = await start(folder, { logs });
    t.after(() => witness.close());
    const text = `${known.note(4).split("\n\n")[0]}\n`;
    const rotated = signNote(text, [next]);
    assert.equal((await post(witness, `old 0\n\n${rotated}`)).status, 200);
    const served = await (await fetch(`${witness.url}/${originHash(known)}/checkpoint`)).text();
    assert.ok(served.startsWith(rotated));
  });
});

describe("the state of a witness", () => {
  it("is one process's alone", async (t) => {
    const folder = newFolder(t);
    await started(t, folder);
    assert.throws(() => openSqliteWitnessStore(folder), /another witness is running/);
  });

  it("is kept for its user alone, and its key is neither replaced nor renamed", async (t) => {
    const folder = newFolder(t);
    const witness = await start(folder);
    await post(witness, await known.request(0, 6));
    await witness.close();
    for (const file of ["witness.key", "witness.db"])
      assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600);
    assert.match(readFileSync(join(folder, "witness.key"), "utf8"), /^PRIVATE\+KEY\+witness\.example\/one\+/);
    await assert.rejects(start(folder, { name: "other.example" }), /is the key of the witness/);
    chmodSync(join(folder, "witness.key"), 0o644);
    await assert.rejects(start(folder), /can be read by others/);
    rmSync(join(folder, "witness.key"));
    await assert.rejects(start(folder), /is missing/);
    assert.equal(existsSync(join(folder, "witness.key")), false);
  });

  it("is not answered from while it cannot be kept", async (t) => {
    const store = openSqliteWitnessStore(newFolder(t));
    t.after(() => store.close());
    let full = true;
    const failing: WitnessStore = {
      head: (origin) => store.head(origin),
      advance: (origin, last, next) =>
        full ? Promise.reject(new Error("the disk is full")) : store.advance(origin, last, next),
      latestTime: () => store.latestTime(),
      resetTimes: (time) => store.resetTimes(time),
      close: () => store.close(),
    };
    const faults: string[] = [];
    const witness = witnessOn(failing, Date.now, faults);
    assert.equal((await witness.addCheckpoint(await known.request(0, 2))).status, 503);
    assert.deepEqual(faults, ["the disk is full"]);
    full = false;
    assert.equal((await witness.addCheckpoint(await known.request(0, 2))).status, 200);
  });

  it("changes once for all who race for it", async (t) => {
    const store = openSqliteWitnessStore(newFolder(t));
    t.after(() => store.close());
    const head = (size: number): WitnessedHead => ({
      size,
      root: Buffer.alloc(32, size),
      time: 100 + size,
      note: `note ${size}`,
    });
    assert.deepEqual(
      [await store.advance("a", null, head(1)), await store.advance("a", null, head(2))],
      [true, false],
    );
    const last = await store.head("a");
    assert.deepEqual(
      [await store.advance("a", last, head(3)), await store.advance("a", last, head(4))],
      [true, false],
    );
    assert.equal((await store.head("a"))?.note, "note 3");
    assert.equal(await store.head("b"), null);
    assert.equal(await store.latestTime(), 103);
  });
});

describe("the clock of a witness", () => {
  it("never dates a larger tree earlier, and cosigns nothing while it is far behind", async (t) => {
    const store = openSqliteWitnessStore(newFolder(t));
    t.after(() => store.close());
    const now = { ms: 1_000_000_000_000 };
    const faults: string[] = [];
    const witness = witnessOn(store, () => now.ms, faults);
    const first = await witness.addCheckpoint(await known.request(0, 2));
    now.ms -= 60_000;
    const second = await witness.addCheckpoint(await known.request(2, 3));
    assert.ok(first.status === 200 && second.status === 200);
    assert.equal(timeOf(known.note(2), first.lines, witness.vkey), 1_000_000_000);
    assert.equal(timeOf(known.note(3), second.lines, witness.vkey), 1_000_000_000);
    now.ms -= 1_000;
    assert.equal((await witness.addCheckpoint(await known.request(3, 4))).status, 503);
    assert.match(faults.join(), /behind the latest cosignature, of 2001-09-09T01:46:40.000Z/);
    assert.equal((await store.head(known.signer.name))?.size, 3);
  });

  it("has to be set right before a start, unless an operator names the wrong time", async (t) => {
    const folder = newFolder(t);
    const store = openSqliteWitnessStore(folder);
    const ahead = { ms: Date.parse("2100-01-01T00:00:00.000Z") };
    await witnessOn(store, () => ahead.ms, []).addCheckpoint(await known.request(0, 2));
    await store.close();
    // The key is made at a first start, and something was cosigned here.
    await assert.rejects(start(folder), OperatorError);
    const other = newFolder(t);
    const made = await start(other);
    await made.close();
    const again = openSqliteWitnessStore(other);
    await witnessOn(again, () => ahead.ms, []).addCheckpoint(await known.request(0, 2));
    await again.close();
    await assert.rejects(start(other), /PORTCULLIS_ACCEPT_CLOCK=2100-01-01T00:00:00.000Z/);
    await assert.rejects(start(other, {}, "2099-01-01T00:00:00.000Z"), OperatorError);
    const accepted = await start(other, {}, "2100-01-01T00:00:00.000Z");
    t.after(() => accepted.close());
    assert.equal((await post(accepted, await known.request(2, 3))).status, 200);
  });
});

describe("the listener of a witness", () => {
  let witness: RunningWitness | null = null;
  const folder = mkdtempSync(join(tmpdir(), "portcullis-witness-"));
  after(async () => {
    await witness?.close();
    rmSync(folder, { recursive: true });
  });

  it("bounds bodies, also those that do not say how long they are", async () => {
    witness = await start(join(folder, "state"));
    const { url } = witness;
    assert.equal((await post(witness, Buffer.alloc(256 * 1024 + 1, "a"))).status, 413);
    const endless = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(`${url}/add-checkpoint`, { method: "POST" }, (response) => {
        response.resume();
        resolve(response.statusCode);
        request.destroy();
      });
      request.on("error", reject);
      const more = (): void => {
        if (!request.destroyed) request.write(Buffer.alloc(64 * 1024, "a"), () => setImmediate(more));
      };
      more();
    });
    assert.equal(endless, 413);
  });

  it("knows its paths and methods, and outlives whoever leaves in the middle", async () => {
    assert.ok(witness !== null);
    const { url } = witness;
    assert.equal((await fetch(`${url}/add-checkpoint`)).status, 405);
    assert.equal((await fetch(`${url}/vkey`, { method: "DELETE" })).status, 405);
    for (const path of [
      "",
      "/",
      "/checkpoint",
      `/${"0".repeat(63)}/checkpoint`,
      `/${"0".repeat(64)}/checkpoint`,
    ])
      assert.equal((await fetch(`${url}${path}`)).status, 404, path);
    const { port } = new URL(url);
    const socket = connect(Number(port), "127.0.0.1");
    socket.write("POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 100\r\n\r\nold 0\n");
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.destroy();
    assert.equal((await fetch(`${url}/vkey`)).status, 200);
    assert.equal(await (await fetch(`${url}/vkey`, { method: "HEAD" })).text(), "");
  });
});

function witnessOn(store: WitnessStore, now: () => number, faults: string[]): Witness {
  return new Witness({
    signer: testWitnessSigner,
    store,
    logs: [{ origin: known.signer.name, keys: [known.signer] }],
    clock: { now },
    onFault: (fault) => faults.push(fault.message),
  });
}
