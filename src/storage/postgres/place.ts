// Which database, and how it is reached.

import type { ClientConfig } from "pg";
import { columnTypes } from "./column-types.ts";

/** How long a dead server goes unnoticed, in milliseconds: a host that is gone answers nothing at all. */
const answerWithinMs = 15_000;
const connectWithinMs = 5_000;

/**
 * What every connection to `url` begins with. The password comes from PGPASSWORD or a password file (PGPASSFILE,
 * ~/.pgpass).
 */
export function clientConfig(url: string): ClientConfig {
  return {
    connectionString: url,
    application_name: "portcullis",
    types: columnTypes,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    connectionTimeoutMillis: connectWithinMs,
    query_timeout: answerWithinMs,
  };
}

/** The database by a name that holds no secret, for messages. */
export function placeName(url: string): string {
  const { pathname, host, searchParams } = new URL(url);
  return `\`${decodeURIComponent(pathname.slice(1))}\` on \`${host === "" ? (searchParams.get("host") ?? "localhost") : host}\``;
}
