// What a server must be set to. A commit that it reports and then loses would be a call that nobody has a record of.

import { integer, type Row, text } from "../rows/row.ts";

/** The oldest that is tested, and that its makers maintain. */
const oldestMajor = 15;

/** `read` reads what a standby has too; `follow` what is committed. */
export type SessionUse = "read" | "follow" | "write";

export interface ServerSettings {
  readonly version: number;
  readonly fsync: string;
  readonly fullPageWrites: string;
  /** As the server, the role and the database have it, before this session sets its own. */
  readonly synchronousCommit: string;
  /** A standby, which takes no writes. */
  readonly inRecovery: boolean;
}

export function serverSettings(row: Row | undefined): ServerSettings {
  const settings = row ?? null;
  return {
    version: integer(settings, "version"),
    fsync: text(settings, "fsync"),
    fullPageWrites: text(settings, "full_page_writes"),
    synchronousCommit: text(settings, "synchronous_commit"),
    inRecovery: settings?.["in_recovery"] !== false,
  };
}

serverSettings.sql = `SELECT current_setting('server_version_num')::int AS version, current_setting('fsync') AS fsync,
  current_setting('full_page_writes') AS full_page_writes, current_setting('synchronous_commit') AS synchronous_commit,
  pg_is_in_recovery() AS in_recovery`;

/** Why nothing may be written there, or null. A standby and a careless server can still be read. */
export function serverRefusal(settings: ServerSettings, use: SessionUse): string | null {
  const major = Math.floor(settings.version / 10_000);
  if (major < oldestMajor) return `it is PostgreSQL ${major}; use ${oldestMajor} or newer`;
  if (use === "read") return null;
  if (settings.inRecovery) return "it is a standby, which takes no writes; name the primary";
  if (use === "follow") return null;
  if (settings.fsync !== "on") return "`fsync` is off there, so commits are lost with the power; set it on";
  if (settings.synchronousCommit === "off") {
    return "`synchronous_commit` is off for this server, role or database, so commits are lost with the server; set it on";
  }
  return null;
}

/** What weakens it without being refused, or null. */
export function serverWarning({ fullPageWrites }: ServerSettings): string | null {
  if (fullPageWrites === "on") return null;
  return "`full_page_writes` is off on the database server: unless its file system writes pages whole, a power failure damages the log";
}

/**
 * A gateway that hangs must not hold what the others wait for: the server ends its transaction. There is no limit on a
 * statement that writes, because a limit ends the wait for a synchronous standby as if it had answered.
 */
export function sessionSettings({ synchronousCommit }: ServerSettings, use: SessionUse): string {
  const common = "SET search_path = portcullis, pg_temp; SET idle_in_transaction_session_timeout = '3s';";
  if (use !== "write") return `${common} SET default_transaction_read_only = on`;
  const commit = synchronousCommit === "remote_apply" ? "remote_apply" : "on";
  return `${common} SET synchronous_commit = ${commit}; SET lock_timeout = '4s'; SET statement_timeout = 0`;
}
