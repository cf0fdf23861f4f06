// Reading, beside the writer: a few connections that cannot write.

import { DatabaseError, Pool, type PoolClient } from "pg";
import { LogUnavailableError } from "../../audit/log-store.ts";
import { clientConfig } from "./place.ts";
import { databaseFault, faultText } from "./postgres-fault.ts";
import type { Row } from "./row.ts";

const connections = 4;

export class PostgresReader {
  readonly #pool: Pool;

  /** `answerWithinMs` is how long a statement may take, 0 for as long as it wants. */
  constructor(url: string, answerWithinMs: number) {
    this.#pool = new Pool({
      ...clientConfig(url),
      query_timeout: answerWithinMs,
      options: "-c default_transaction_read_only=on -c search_path=portcullis,pg_temp",
      max: connections,
      allowExitOnIdle: true,
    });
    // A connection that is lost is replaced when somebody needs one; who used it is told by its statement.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
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
