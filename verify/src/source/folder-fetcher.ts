// The files of an exported log in a folder.

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { FetchError, filePath, maxBytesOf, type TileFetcher } from "./tile-fetcher.ts";

/** Reads as it is asked: going through Node's thread pool costs more than reading a file of this size. */
export function folderFetcher(folder: string): TileFetcher {
  return {
    place: `\`${folder}\``,
    fetch: async (file) => readWhole(join(folder, filePath(file)), maxBytesOf(file)),
  };
}

function readWhole(path: string, maxBytes: number): Uint8Array | null {
  let file: number | null = null;
  try {
    // Opening what is no file (a pipe, say) would wait for whoever writes to it.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new FetchError(`\`${path}\` is no file`);
    // One byte more than there may be is enough to see that there are too many.
    const bytes = Buffer.allocUnsafe(Math.min(stats.size, maxBytes + 1));
    let length = 0;
    while (length < bytes.length) {
      const read = readSync(file, bytes, length, bytes.length - length, length);
      if (read === 0) break;
      length += read;
    }
    return bytes.subarray(0, length);
  } catch (fault) {
    if (isMissing(fault)) return null;
    if (fault instanceof FetchError) throw fault;
    throw new FetchError(
      `\`${path}\` cannot be read: ${fault instanceof Error ? fault.message : String(fault)}`,
    );
  } finally {
    if (file !== null) closeSync(file);
  }
}

function isMissing(fault: unknown): boolean {
  return fault instanceof Error && "code" in fault && (fault.code === "ENOENT" || fault.code === "ENOTDIR");
}
