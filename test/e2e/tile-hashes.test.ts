// A database as it is right behind the migration from a version that kept no hashes of tiles.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { uuidv7 } from "../../src/core/id.ts";
import { openSqliteStorage } from "../../src/storage/sqlite/open.ts";
import { startGateway } from "./test-gateway.ts";

const size = 30_000;

/** A gateway's folder with a long log, which ends with entries that are none of its own. */
async function longLog(t: TestContext): Promise<string> {
  const gateway = await startGateway();
  await gateway.kill();
  t.after(() => rmSync(gateway.folder, { recursive: true }));
  const storage = openSqliteStorage(join(gateway.folder, "data"));
  await storage.log.takeOver("inst_test");
  for (let from = 0; from < size; from += 5_000) {
    const entries = Array.from({ length: 5_000 }, (_, at) => ({
      id: uuidv7(Date.now()),
      leaf: Buffer.from(`entry ${from + at}`),
      salt: null,
    }));
    await storage.log.append(entries);
  }
  await storage.close();
  return gateway.folder;
}

function change(folder: string, sql: string): void {
  const database = new DatabaseSync(join(folder, "data", "portcullis.db"));
  database.exec(sql);
  database.close();
}

function hashesIn(folder: string): readonly string[] {
  const database = new DatabaseSync(join(folder, "data", "portcullis.db"));
  const rows = database
    .prepare("SELECT level, idx, hex(hash) AS hash FROM tile_hashes ORDER BY level, idx")
    .all();
  database.close();
  return rows.map((row) => Object.values(row).join(" "));
}

test("the first start computes them, says so, and goes on where it was killed", async (t) => {
  const folder = await longLog(t);
  const expected = hashesIn(folder);
  assert.ok(expected.length >= 117);
  change(folder, "DELETE FROM tile_hashes");
  const killed = spawn(
    resolve(import.meta.dirname, "../../bin/portcullis"),
    ["up", "--dir", folder, "--listen", "127.0.0.1:0"],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let said = "";
  killed.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
    if (said.includes('"done":0')) killed.kill("SIGKILL");
  });
  await once(killed, "exit");
  assert.match(
    said,
    /"total":117,"msg":"hashes of the log's tree that are missing are computed from its entries"/,
  );
  assert.ok(hashesIn(folder).length < expected.length, "it was killed before it was done");
  const gateway = await startGateway(folder);
  await gateway.kill();
  assert.deepEqual(hashesIn(folder).slice(0, expected.length), expected);
});

test("one that is beyond the log is refused before anything is written", async (t) => {
  const folder = await longLog(t);
  change(folder, "INSERT INTO tile_hashes VALUES (1, 1000000, zeroblob(32))");
  await assert.rejects(
    startGateway(folder),
    /ended with 2: .*has a hash of its tree \(level 1, index 1000000\) beyond the head of its log/s,
  );
});
