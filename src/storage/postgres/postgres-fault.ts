// Tells a database that cannot be used from a statement that was wrong, and a connection that is gone from both.

import { DatabaseError } from "pg";

// https://www.postgresql.org/docs/current/errcodes-appendix.html, by code and then by class.
const byCode: ReadonlyMap<string, string> = new Map([
  ["25006", "it is read-only; is this a standby?"],
  ["40001", "others changed the same at the same time"],
  ["40P01", "others changed the same at the same time"],
  ["53100", "its disk is full"],
  ["53300", "it has too many connections"],
  ["55P03", "another gateway holds what has to be written"],
  ["57014", "it takes too long"],
]);
const byClass: ReadonlyMap<string, string> = new Map([
  ["08", "the connection is lost"],
  ["28", "it does not let this user in"],
  ["3D", "there is no such database"],
  ["53", "it has run out of something"],
  ["57", "it is shutting down or starting"],
  ["58", "its system reported an error"],
  ["XX", "it is damaged; run `portcullis audit verify` on it"],
]);

/** What befell the database itself, or null when the fault lies in a statement or elsewhere. */
export function databaseFault(fault: unknown): string | null {
  const code = sqlState(fault);
  if (code === null) return null;
  return byCode.get(code) ?? byClass.get(code.slice(0, 2)) ?? null;
}

/** Whether the same transaction may well succeed when it is tried again. */
export function isContention(fault: unknown): boolean {
  const code = sqlState(fault);
  return code === "40001" || code === "40P01";
}

/** Whether another held for too long what the transaction had to lock. */
export function isLockTimeout(fault: unknown): boolean {
  return sqlState(fault) === "55P03";
}

/** Of a statement that failed: whether the server has ended the session, or the connection to it is gone. */
export function isConnectionLost(fault: unknown): boolean {
  if (!(fault instanceof DatabaseError)) return fault instanceof Error && !(fault instanceof TypeError);
  return fault.severity === "FATAL" || fault.severity === "PANIC" || fault.code?.startsWith("08") === true;
}

export function isDuplicate(fault: unknown): boolean {
  return sqlState(fault) === "23505";
}

/** In words, without what the server says of rows. */
export function faultText(fault: unknown): string {
  const why = databaseFault(fault);
  const message = fault instanceof Error ? fault.message : String(fault);
  return why === null ? message : `${why} (${message})`;
}

function sqlState(fault: unknown): string | null {
  return fault instanceof DatabaseError ? (fault.code ?? null) : null;
}
