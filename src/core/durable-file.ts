// Small files that must be whole after a crash: keys, tokens, the config that a newcomer is given.

import { randomUUID } from "node:crypto";
import { readdirSync, rmSync, statSync } from "node:fs";
import { chmod, type FileHandle, link, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

/** The text, or null when there is no such file. */
export async function readTextFile(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return null;
    throw error;
  }
}

/** Replaces the file. A crash leaves the old text or the new, never a part; on return the new one survives power loss. */
export async function replaceFile(path: string, text: string | Uint8Array, mode: number): Promise<void> {
  const temporary = await writeTemporary(path, text, mode);
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/**
 * Replaces the text of a file that is there, which keeps its mode; of a link what it leads to. Returns false, and changes
 * nothing, when the file holds neither `expected`, a byte order mark aside, nor the new text already. A crash leaves the old text or the new.
 */
export async function rewriteFile(path: string, expected: string, text: string): Promise<boolean> {
  const target = await realpath(path);
  const { mode } = await stat(target);
  const temporary = await writeTemporary(target, text, mode);
  try {
    // The mode that a file is created with is cut by the umask.
    await chmod(temporary, mode);
    const current = new TextDecoder().decode(await readFile(target));
    if (current !== expected) {
      await rm(temporary);
      return current === text;
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(target));
  return true;
}

/** Creates the file whole, or returns false when it exists: of two that race, one wins. */
export async function createFile(path: string, text: string, mode: number): Promise<boolean> {
  const temporary = await writeTemporary(path, text, mode);
  try {
    await link(temporary, path);
  } catch (error) {
    if (hasErrorCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
  return true;
}

/**
 * Removes what `replaceFile` and `createFile` leave in a folder when they are killed: each may be a full copy of a key.
 * For the one process that writes there, before it does; where others may be writing, of what is older than `olderThanMs`.
 * A folder that is not there has none.
 */
export function removeLeftovers(folder: string, olderThanMs = 0): void {
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    if (leftover.test(name) && (olderThanMs === 0 || ageMs(path) > olderThanMs))
      rmSync(path, { force: true });
  }
}

function ageMs(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 0 : Date.now() - stat.mtimeMs;
}

const leftover = /\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** Whether this is the system's error of that name, for example `ENOENT`. */
export function hasErrorCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

async function writeTemporary(path: string, text: string | Uint8Array, mode: number): Promise<string> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await withFile(await open(temporary, "wx", mode), async (file) => {
      await file.writeFile(text);
      await file.sync();
    });
  } catch (error) {
    // On a full disk it would be one more with every try.
    await rm(temporary, { force: true });
    throw error;
  }
  return temporary;
}

async function syncFolder(folder: string): Promise<void> {
  await withFile(await open(folder, "r"), (file) => file.sync());
}

async function withFile(file: FileHandle, use: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
