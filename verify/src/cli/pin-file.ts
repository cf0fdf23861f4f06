// The head of a log as it was seen the last time, in a file that whoever writes the log does not control. It is what a
// truncated or rewritten log is found by, when it was signed with the right key.

import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { NoteVerifier } from "../log/signed-note.ts";
import type { VerifyReport } from "../rules/verify-log.ts";

export interface Pin {
  readonly path: string;
  /** A signed checkpoint; null when none was kept yet. */
  readonly note: string | null;
}

/** Throws what the file system does, unless there is just no such file yet. */
export function readPin(path: string): Pin {
  try {
    return { path, note: readFileSync(path, "utf8") };
  } catch (fault) {
    if (fault instanceof Error && "code" in fault && fault.code === "ENOENT") return { path, note: null };
    throw fault;
  }
}

/** Where the head of a log is kept unless it is said where: one file for each key. */
export function defaultPinPath({ name, keyId }: NoteVerifier, env: NodeJS.ProcessEnv): string {
  const state = env["XDG_STATE_HOME"] ?? join(homedir(), ".local", "state");
  const file = `${encodeURIComponent(name)}+${keyId.toString(16).padStart(8, "0")}`;
  return join(state, "portcullis-verify", file);
}

/** Moves the pin on to the newest head, when all was found to hold. A kill leaves the old one or the new one. */
export function keepPin({ path, note }: Pin, { ok, log: { newest } }: VerifyReport): void {
  if (!ok || newest === null || newest === note) return;
  mkdirSync(dirname(path), { recursive: true });
  const written = `${path}.${process.pid}.new`;
  const file = openSync(written, "w", 0o600);
  try {
    writeFileSync(file, newest);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(written, path);
}
