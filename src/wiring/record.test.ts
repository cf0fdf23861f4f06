import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it, type TestContext } from "node:test";
import { pino } from "pino";
import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import { completed, decided } from "../audit/trail.test-support.ts";
import { OperatorError } from "../core/operator-error.ts";
import { openSqliteStorage } from "../storage/sqlite/open.ts";
import { openRecord } from "./record.ts";

interface Told {
  readonly level: number;
  readonly msg: string;
}

interface Start {
  readonly origin: string;
  readonly told: readonly Told[];
  /** The types of the entries once a call was recorded and everything was closed. */
  readonly types: readonly string[];
}

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-record-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Starts as the gateway does, records a call, and stops. */
async function start(folder: string, environment: NodeJS.ProcessEnv = {}): Promise<Start> {
  const storage = openSqliteStorage(join(folder, "data"));
  const told: Told[] = [];
  try {
    const { trail } = await openRecord({
      log: storage.log,
      payloads: storage.payloads,
      keysFolder: join(folder, "keys"),
      kek: { keyId: "kek", wrap: (bytes) => bytes, unwrap: (bytes) => bytes },
      origin: (await storage.log.identity())?.origin ?? null,
      version: "0.1.0",
      faults: pino({}, { write: (line: string) => told.push(JSON.parse(line)) }),
      environment,
    });
    await trail.append([
      trail.encode(decided("call_1"), trail.newSalt("sub_1")),
      trail.encode(completed("call_1"), null),
    ]);
    await trail.close();
    const entries = await storage.log.read(0, 10_000);
    const types = entries.map(({ leaf }) => {
      const parsed = parseLeaf(leaf);
      assert.ok(parsed.ok, Buffer.from(leaf).toString());
      return parsed.value.type;
    });
    return { origin: trail.origin, told, types };
  } finally {
    await storage.close();
  }
}

function refusal(message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof OperatorError, String(error));
    assert.match(error.message, message);
    return true;
  };
}

function tamper(folder: string, sql: string): void {
  const database = new DatabaseSync(join(folder, "data", "portcullis.db"));
  database.exec(sql);
  database.close();
}

describe("a first start", () => {
  it("can be killed at each of its steps, and the next one makes one log of it", {
    timeout: 120_000,
  }, async (t) => {
    const parent = folderFor(t);
    const script = join(import.meta.dirname, "first-start.test-support.ts");
    let steps = 0;
    for (;;) {
      steps += 1;
      const folder = join(parent, `step ${steps}`);
      const { stdout, signal, stderr } = spawnSync(process.execPath, [script, folder, String(steps)], {
        encoding: "utf8",
      });
      if (stdout.includes("done")) break;
      assert.equal(signal, "SIGKILL", stderr);
      const { origin, types } = await start(folder);
      assert.deepEqual(
        types.filter((type) => type !== "log.opened"),
        ["log.created", "call.decided", "call.completed", "log.closed"],
        `step ${steps}`,
      );
      const keys = join(folder, "keys");
      assert.deepEqual(readdirSync(keys).sort(), ["checkpoint", "log.key", "subject-lookup.key"]);
      assert.ok(readFileSync(join(keys, "log.key"), "utf8").startsWith(`PRIVATE+KEY+${origin}+`));
      assert.ok(readFileSync(join(keys, "checkpoint"), "utf8").startsWith(`${origin}\n`));
      assert.equal((await start(folder)).origin, origin);
    }
    assert.ok(steps > 15, `${steps} steps`);
  });

  it("says what was begun, and later ones say nothing", async (t) => {
    const folder = folderFor(t);
    const first = await start(folder);
    assert.deepEqual(
      first.told.map(({ level, msg }) => [level, msg]),
      [[30, "a log was begun; keep its vkey out of reach of whoever runs the gateway"]],
    );
    assert.deepEqual((await start(folder)).told, []);
  });

  it("takes away what a killed one had begun to write of keys", async (t) => {
    const folder = folderFor(t);
    await start(folder);
    for (const name of ["kek", "log.key", "checkpoint"])
      writeFileSync(join(folder, "keys", `${name}.2f3f1d36-6a55-4f6b-9d3e-0a1b2c3d4e5f.tmp`), "a key");
    await start(folder);
    assert.deepEqual(readdirSync(join(folder, "keys")).sort(), [
      "checkpoint",
      "log.key",
      "subject-lookup.key",
    ]);
  });
});

describe("a start on what does not belong together", () => {
  it("says of an empty data folder, or one that is not mounted, that the log is not there, and makes no keys", async (t) => {
    const folder = folderFor(t);
    await start(folder);
    rmSync(join(folder, "data"), { recursive: true });
    await assert.rejects(
      start(folder),
      refusal(/holds no log, but .*checkpoint` says that it had 5 entries/),
    );
    const key = readFileSync(join(folder, "keys", "log.key"));
    rmSync(join(folder, "keys", "log.key"));
    await assert.rejects(start(folder), refusal(/log\.key` is missing, and what it belongs to exists/));
    assert.equal(existsSync(join(folder, "keys", "log.key")), false);
    assert.ok(key.length > 0);
  });

  it("goes on without the head outside only when it is told to, and then warns", async (t) => {
    const folder = folderFor(t);
    await start(folder);
    rmSync(join(folder, "keys", "checkpoint"));
    const refused = await start(folder).then(
      () => "",
      (error: Error) => error.message,
    );
    const PORTCULLIS_ACCEPT_HEAD = /PORTCULLIS_ACCEPT_HEAD=(\S+)$/.exec(refused)?.[1] ?? "";
    const { told } = await start(folder, { PORTCULLIS_ACCEPT_HEAD });
    assert.deepEqual(
      told.map(({ level }) => level),
      [40],
    );
    await start(folder);
  });

  for (const [what, sql, message] of [
    ["a changed frontier", "UPDATE log_head SET frontier = randomblob(length(frontier))", /differ from/],
    ["a frontier of no length", "UPDATE log_head SET frontier = x'00'", /head in the data store is damaged/],
    ["no head", "DELETE FROM log_head", /lost its head/],
    ["a size that no log has", "UPDATE log_head SET size = 1 << 60", /too large to be represented/],
    ["no name", "DELETE FROM log_identity", /holds no log, but .* 5 entries/],
    ["an entry too many", "INSERT INTO entries VALUES (5, x'7b7d')", /an entry 5 beyond the head/],
    ["an entry less", "DELETE FROM entries WHERE idx = 2", /entries from 2 on are missing/],
    ["a changed entry", "UPDATE entries SET leaf = x'7b7d' WHERE idx = 2", /differ from/],
  ] as const) {
    it(`is refused in words: ${what}`, async (t) => {
      const folder = folderFor(t);
      await start(folder);
      tamper(folder, sql);
      await assert.rejects(start(folder), refusal(message));
    });
  }
});
