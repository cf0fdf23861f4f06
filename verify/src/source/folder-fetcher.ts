// The files of an exported log in a folder.

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { FetchError, filePath, maxBytesOf, type TileFetcher } from "./tile-fetcher.ts";

export function folderFetcher(folder: string): TileFetcher {
  return {
    place: `\`${folder}\``,
    fetch: (file) => readWhole(join(folder, filePath(file)), maxBytesOf(file)),
  };
}

async function readWhole(path: string, maxBytes: number): Promise<Uint8Array | null> {
  let file: FileHandle | null = null;
  try {
    // Opening what is no file (a pipe, say) would wait for whoever writes to it.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) throw new FetchError(`\`${path}\` is no file`);
    // One byte more than there may be is enough to see that there are too many.
    const bytes = Buffer.allocUnsafe(Math.min(stats.size, maxBytes + 1));
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } catch (fault) {
    if (isMissing(fault)) return null;
    if (fault instanceof FetchError) throw fault;
    throw new FetchError(
      `\`${path}\` cannot be read: ${fault instanceof Error ? fault.message : String(fault)}`,
    );
  } finally {
    await file?.close();
  }
}

function isMissing(fault: unknown): boolean {
  return fault instanceof Error && "code" in fault && (fault.code === "ENOENT" || fault.code === "ENOTDIR");
}
