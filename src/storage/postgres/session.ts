// A connection to a server that does what it says: before anything is trusted to it, it is asked whether commits survive.

import { Client, type ClientConfig, type QueryResult } from "pg";
import type { Row } from "../rows/row.ts";
import { isConnectionLost } from "./postgres-fault.ts";
import {
  type ServerSettings,
  type SessionUse,
  serverRefusal,
  serverSettings,
  sessionSettings,
} from "./server-check.ts";

export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[];
  /** Prepared once for each session under this name. */
  readonly name?: string;
}

/** The server must not be written to. It may have been changed since the start, or be another one. */
export class UnfitServerError extends Error {
  override readonly name = "UnfitServerError";
}

export class Session {
  readonly #client: Client;
  #lost = false;
  /** Warnings of the server since the last look. */
  #warned = false;

  private constructor(client: Client) {
    this.#client = client;
  }

  /** Rejects with `UnfitServerError`, or with what kept the connection from being made. */
  static async open(
    config: ClientConfig,
    use: SessionUse,
  ): Promise<{ readonly session: Session; readonly settings: ServerSettings }> {
    const client = new Client({ ...config, pipeline: true });
    const session = new Session(client);
    client.on("error", () => {
      session.#lost = true;
    });
    client.on("end", () => {
      session.#lost = true;
    });
    client.on("notice", ({ severity }) => {
      if (severity === "WARNING") session.#warned = true;
    });
    try {
      await client.connect();
      const settings = serverSettings((await session.run({ text: serverSettings.sql })).rows[0]);
      const refusal = serverRefusal(settings, use);
      if (refusal !== null) throw new UnfitServerError(refusal);
      await session.run({ text: sessionSettings(settings, use) });
      session.#warned = false;
      return { session, settings };
    } catch (fault) {
      session.end();
      throw fault;
    }
  }

  get lost(): boolean {
    return this.#lost;
  }

  get client(): Client {
    return this.#client;
  }

  /** Whether the server has warned of anything since this was asked last. */
  takeWarning(): boolean {
    const warned = this.#warned;
    this.#warned = false;
    return warned;
  }

  async run({ text, values, name }: Statement): Promise<QueryResult<Record<string, unknown>>> {
    try {
      return await this.#client.query({
        text,
        ...(values === undefined ? {} : { values: [...values] }),
        ...(name === undefined ? {} : { name }),
      });
    } catch (fault) {
      // After one that was never answered nobody knows what the next answer belongs to.
      if (isConnectionLost(fault)) this.end();
      throw fault;
    }
  }

  async rows(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return (await this.run({ text, values })).rows;
  }

  /** At once, whatever is under way. */
  end(): void {
    this.#lost = true;
    this.#client.end().catch(() => {});
  }
}
