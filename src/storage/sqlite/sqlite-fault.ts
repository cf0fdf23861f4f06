// Tells a database that cannot be used from a statement that was wrong.

// Primary result codes, https://sqlite.org/rescode.html
const busy = 5;
const locked = 6;
const readOnly = 8;
const cannotOpen = 14;
const ofTheDatabase: ReadonlyMap<number, string> = new Map([
  [busy, "another process is holding it"],
  [locked, "another connection is holding it"],
  [7, "out of memory"],
  [readOnly, "it is read-only"],
  [10, "the disk reported an error"],
  [11, "it is damaged; run `portcullis audit verify` on a copy and restore it"],
  [13, "the disk is full"],
  [cannotOpen, "it cannot be opened"],
  [15, "its locks cannot be taken"],
  [26, "the file is no database"],
]);

/** What befell the database itself, or null when the fault lies in a statement or elsewhere. */
export function databaseFault(fault: unknown): string | null {
  const code = resultCode(fault);
  return code === null ? null : (ofTheDatabase.get(code) ?? null);
}

/** Whether another connection's lock is in the way. */
export function isLocked(fault: unknown): boolean {
  const code = resultCode(fault);
  return code === busy || code === locked;
}

/** Whether a write-ahead log cannot be read for want of a folder to keep its index in. */
export function needsWritableFolder(fault: unknown): boolean {
  const code = resultCode(fault);
  return code === cannotOpen || code === readOnly;
}

/** SQLite's primary result code, or null when the fault is not SQLite's. */
function resultCode(fault: unknown): number | null {
  if (!(fault instanceof Error) || !("errcode" in fault) || typeof fault.errcode !== "number") return null;
  return fault.errcode & 0xff;
}
