// What is refused when a database is opened, and what only warned of.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { OperatorError } from "../../core/operator-error.ts";
import { skipWithoutPostgres, startCluster, type TestCluster } from "./cluster.test-support.ts";
import { openPostgresReadOnly, openPostgresStorage } from "./open.ts";
import { migrations } from "./schema.ts";
import { openOn } from "./storage.test-support.ts";

describe("opening a database", skipWithoutPostgres(), () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  const refused = (database: string, why: RegExp): Promise<void> =>
    assert.rejects(openOn(cluster, database), (fault) => {
      assert.ok(fault instanceof OperatorError);
      assert.match(fault.message, why);
      return true;
    });
  const setting = async (name: string, value: string): Promise<void> => {
    await cluster.query("postgres", `ALTER SYSTEM SET ${name} = ${value}`);
    await cluster.query("postgres", "SELECT pg_reload_conf()");
    for (;;) {
      const [row] = await cluster.query("postgres", `SELECT current_setting('${name}') AS value`);
      if (row?.["value"] === value) return;
    }
  };

  test("is refused where commits would be lost with the server or its power", async () => {
    const database = await cluster.newDatabase();
    await setting("fsync", "off");
    await refused(database, /`fsync` is off/);
    await setting("fsync", "on");
    await setting("synchronous_commit", "off");
    await refused(database, /`synchronous_commit` is off/);
    await setting("synchronous_commit", "on");
    await cluster.query("postgres", `ALTER DATABASE ${database} SET synchronous_commit = off`);
    await refused(database, /`synchronous_commit` is off/);
    await cluster.query("postgres", `ALTER DATABASE ${database} RESET synchronous_commit`);
    await cluster.query("postgres", "ALTER ROLE gateway SET synchronous_commit = off");
    await refused(database, /`synchronous_commit` is off/);
    await cluster.query("postgres", "ALTER ROLE gateway RESET synchronous_commit");
    await (await openOn(cluster, database)).close();
  });

  test("warns of pages that are not written whole", async () => {
    const url = cluster.url(await cluster.newDatabase());
    await setting("full_page_writes", "off");
    const warnings: string[] = [];
    await (await openPostgresStorage({ url, warn: (warning) => warnings.push(warning) })).close();
    await setting("full_page_writes", "on");
    await (await openPostgresStorage({ url, warn: (warning) => warnings.push(warning) })).close();
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /full_page_writes/);
  });

  test("is refused for a database of a newer version, which stays as it is", async () => {
    const database = await cluster.newDatabase();
    await (await openOn(cluster, database)).close();
    await cluster.query(database, `UPDATE portcullis.schema_version SET version = ${migrations.length + 1}`);
    await refused(database, /newer portcullis/);
    await assert.rejects(openPostgresReadOnly(cluster.url(database)), /newer portcullis/);
  });

  test("makes the tables once, however many open it at the same time", async () => {
    const database = await cluster.newDatabase();
    const opened = await Promise.all(Array.from({ length: 5 }, () => openOn(cluster, database)));
    const epochs = await Promise.all(opened.map(({ log }, at) => log.takeOver(`inst_${at}`)));
    assert.deepEqual(
      epochs.toSorted((one, other) => one - other),
      [1, 2, 3, 4, 5],
    );
    await Promise.all(opened.map((storage) => storage.close()));
  });

  test("for reading makes nothing, and says where there is no log", async () => {
    const database = await cluster.newDatabase();
    await assert.rejects(openPostgresReadOnly(cluster.url(database)), /holds no log/);
    assert.deepEqual(
      await cluster.query(database, "SELECT 1 FROM pg_namespace WHERE nspname = 'portcullis'"),
      [],
    );
  });

  test("takes the password from PGPASSWORD or a file, and says when it is not let in", async (t) => {
    const database = await cluster.newDatabase();
    await cluster.query("postgres", "CREATE ROLE guarded LOGIN PASSWORD 'only here'");
    await cluster.query("postgres", `GRANT CREATE ON DATABASE ${database} TO guarded`);
    const access = join(cluster.folder, "data", "pg_hba.conf");
    writeFileSync(access, `host all guarded 127.0.0.1/32 scram-sha-256\n${readFileSync(access, "utf8")}`);
    await cluster.query("postgres", "SELECT pg_reload_conf()");
    const url = cluster.url(database).replace("gateway@", "guarded@");
    const open = async (): Promise<void> => (await openPostgresStorage({ url, warn: () => {} })).close();
    t.after(() => {
      delete process.env["PGPASSWORD"];
      delete process.env["PGPASSFILE"];
    });
    await assert.rejects(open(), OperatorError);
    process.env["PGPASSWORD"] = "another";
    await assert.rejects(open(), /does not let this user in/);
    process.env["PGPASSWORD"] = "only here";
    await open();
    delete process.env["PGPASSWORD"];
    const file = join(cluster.folder, "pgpass");
    writeFileSync(file, `127.0.0.1:${cluster.port}:${database}:guarded:only here\n`, { mode: 0o600 });
    process.env["PGPASSFILE"] = file;
    await open();
  });

  test("says in words what is not there", async () => {
    await refused("nowhere", /does not exist/);
    const url = "postgres://gateway@127.0.0.1:1/portcullis?sslmode=disable";
    await assert.rejects(
      openPostgresStorage({ url, warn: () => {} }),
      /`portcullis` on `127.0.0.1:1` cannot be used/,
    );
  });
});
