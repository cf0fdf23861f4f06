// Reading, beside the writer: a few connections that cannot write.

import { DatabaseError, Pool, type PoolClient } from "pg";
import { LogUnavailableError } from "../../audit/log-store.ts";
import type { Row } from "../rows/row.ts";
import { clientConfig } from "./place.ts";
import { databaseFault, faultText } from "./postgres-fault.ts";

const connections = 4;

export interface Reading {
  /** How long a statement may take, 0 for as long as it wants. */
  readonly answerWithinMs: number;
  /** Whether what a standby has will do. */
  readonly fromStandby: boolean;
}

export class PostgresReader {
  readonly #url: string;
  readonly #reading: Reading;
  #pool: Pool;

  constructor(url: string, reading: Reading) {
    this.#url = url;
    this.#reading = reading;
    this.#pool = this.#newPool();
  }

  /** Reads over other connections from now on: those there are may lead to a server that is no longer the one. */
  reset(): void {
    const before = this.#pool;
    if (before.ending) return;
    this.#pool = this.#newPool();
    before.end().catch(() => {});
  }

  #newPool(): Pool {
    const pool = new Pool({
      ...clientConfig(this.#url),
      query_timeout: this.#reading.answerWithinMs,
      options: "-c default_transaction_read_only=on -c search_path=portcullis,pg_temp",
      max: connections,
      allowExitOnIdle: true,
      ...(this.#reading.fromStandby ? {} : { verify: refuseStandby }),
    });
    // A connection that is lost is replaced when somebody needs one; who used it is told by its statement.
    pool.on("error", () => {});
    pool.on("connect", (client) => client.on("error", () => {}));
    return pool;
  }

  /** Rejects with `LogUnavailableError` when the database cannot be reached or read. */
  async rows(sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    let client: PoolClient | null = null;
    let broken = true;
    try {
      client = await this.#pool.connect();
      const { rows } = await client.query({ text: sql, values: [...values] });
      broken = false;
      return rows;
    } catch (fault) {
      if (fault instanceof DatabaseError && databaseFault(fault) === null) throw fault;
      throw new LogUnavailableError(`the database cannot be read: ${faultText(fault)}`, { cause: fault });
    } finally {
      client?.release(broken);
    }
  }

  /** Safe to call twice. */
  async close(): Promise<void> {
    if (!this.#pool.ended && !this.#pool.ending) await this.#pool.end();
  }
}

function refuseStandby(client: PoolClient, done: (fault?: Error) => void): void {
  client
    .query("SELECT pg_is_in_recovery() AS standby")
    .then(
      ({ rows }) =>
        done(rows[0]?.["standby"] === false ? undefined : new Error("it is a standby; name the primary")),
      done,
    );
}
