// The data folder and the files in it: for the gateway's own user alone.

import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { OperatorError } from "../../core/operator-error.ts";

export interface DataFiles {
  readonly folder: string;
  readonly database: string;
  readonly lock: string;
  /** Process id of the gateway that has the lock, for the message to the next one. */
  readonly pid: string;
}

export function dataFiles(folder: string): DataFiles {
  return {
    folder,
    database: join(folder, "portcullis.db"),
    lock: join(folder, "portcullis.lock"),
    pid: join(folder, "portcullis.pid"),
  };
}

const ownFolder = 0o700;
const ownFile = 0o600;

/** Makes the folder unless it is there. Throws `OperatorError`. */
export function makeOwnFolder(folder: string): void {
  usable(folder, () => {
    const created = mkdirSync(folder, { recursive: true, mode: ownFolder });
    if (created !== undefined) syncFolder(dirname(created));
    // A mounted volume may belong to somebody who lets us in; then the modes of the files have to do.
    if (statSync(folder).uid === process.getuid?.()) chmodSync(folder, ownFolder);
  });
}

/**
 * Makes the file unless it is there; SQLite gives the files beside it the same mode. It never opens one that is there:
 * to close it again would drop the locks that this process holds on it (https://sqlite.org/howtocorrupt.html §2.2).
 */
export function makeOwnFile(path: string): void {
  usable(path, () => {
    if (createIfMissing(path)) syncFolder(dirname(path));
    else chmodSync(path, ownFile);
  });
}

function createIfMissing(path: string): boolean {
  try {
    closeSync(openSync(path, "wx", ownFile));
    return true;
  } catch (fault) {
    if (fault instanceof Error && "code" in fault && fault.code === "EEXIST") return false;
    throw fault;
  }
}

/** So that the name of a new file survives power loss. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function usable(path: string, make: () => void): void {
  try {
    make();
  } catch (fault) {
    const message = fault instanceof Error ? fault.message : String(fault);
    throw new OperatorError(`\`${path}\` cannot be used: ${message}`);
  }
}
