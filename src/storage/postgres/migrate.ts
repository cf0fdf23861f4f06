// Brings a database to this version's tables. Gateways that start together do it one after the other.

import { OperatorError } from "../../core/operator-error.ts";
import { integer } from "../rows/row.ts";
import { migrations } from "./schema.ts";
import type { Session } from "./session.ts";

/** The advisory lock of those who migrate: `pcl` and a number. */
const migrating = 0x70636c01;

/** Throws `OperatorError` when the database is of a newer version. `name` is what the database is called. */
export async function migrate(session: Session, name: string): Promise<void> {
  await session.run({ text: "SET lock_timeout = '60s'" });
  await session.rows("SELECT pg_advisory_lock($1)", [migrating]);
  try {
    await session.run({
      text: `CREATE SCHEMA IF NOT EXISTS portcullis;
        CREATE TABLE IF NOT EXISTS schema_version (one boolean PRIMARY KEY CHECK (one), version int NOT NULL);
        INSERT INTO schema_version VALUES (true, 0) ON CONFLICT DO NOTHING`,
    });
    const version = await versionOf(session);
    if (version > migrations.length) throw newer(name, version);
    for (const [at, statements] of migrations.entries()) {
      if (at < version) continue;
      // One simple query is one transaction.
      await session.run({ text: `${statements}; UPDATE schema_version SET version = ${at + 1}` });
    }
  } finally {
    await session.rows("SELECT pg_advisory_unlock($1)", [migrating]);
    await session.run({ text: "SET lock_timeout = '4s'" });
  }
}

/** For whoever only reads. Throws `OperatorError` when there is no log, or it is of a newer version. */
export async function checkReadable(session: Session, name: string): Promise<void> {
  const [found] = await session.rows("SELECT to_regclass('portcullis.entries') IS NOT NULL AS found");
  if (found?.["found"] !== true) throw new OperatorError(`the database ${name} holds no log`);
  const version = await versionOf(session);
  if (version > migrations.length) throw newer(name, version);
}

async function versionOf(session: Session): Promise<number> {
  const [row] = await session.rows("SELECT version FROM schema_version");
  return integer(row ?? null, "version");
}

function newer(name: string, version: number): OperatorError {
  return new OperatorError(
    `the database ${name} was written by a newer portcullis (version ${version}, this knows ${migrations.length}); run that one`,
  );
}
