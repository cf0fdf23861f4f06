// One gateway to a data folder. The lock is an exclusive transaction on a database of its own: the operating system takes
// it back however the process ends, and no file that a crash leaves behind is ever in the way.

import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { OperatorError } from "../../core/operator-error.ts";
import { type DataFiles, makeOwnFile } from "./data-files.ts";
import { isLocked } from "./sqlite-fault.ts";

/** INVARIANT: a lock is kept until it is released, whoever forgets it: a connection that nobody refers to is closed. */
const held = new Set<DatabaseSync>();

export interface FolderLock {
  release(): void;
}

/** Throws `OperatorError`, at once, when another gateway has the folder: in this process or any other. */
export function lockFolder(files: DataFiles): FolderLock {
  makeOwnFile(files.lock);
  const database = new DatabaseSync(files.lock, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
    writeFileSync(files.pid, `${process.pid}\n`, { mode: 0o600 });
    const written = versionOf(files.pid);
    held.add(database);
    return { release: () => release(database, files.pid, written) };
  } catch (fault) {
    database.close();
    if (isLocked(fault)) throw inUse(files);
    const message = fault instanceof Error ? fault.message : String(fault);
    throw new OperatorError(`the data folder \`${files.folder}\` cannot be locked: ${message}`);
  }
}

/** A gateway that got past the lock has written the file anew: then it is that one's. Its process may have the same number. */
function release(database: DatabaseSync, pid: string, written: string | null): void {
  if (written !== null && versionOf(pid) === written) rmSync(pid, { force: true });
  held.delete(database);
  database.close();
}

function versionOf(path: string): string | null {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.ino} ${stat.mtimeNs}`;
}

function inUse({ folder, pid }: DataFiles): OperatorError {
  const holder = holderOf(pid);
  return new OperatorError(
    `another gateway is running on \`${folder}\`${holder === null ? "" : ` (process ${holder})`}; stop it, or give this one a data folder of its own (\`--dir\`)`,
  );
}

/** A hint alone: it is not this file that locks. */
export function holderOf(pidFile: string): string | null {
  try {
    const text = readFileSync(pidFile, "utf8").trim();
    return /^[0-9]{1,10}$/.test(text) ? text : null;
  } catch {
    return null;
  }
}
