// Where the files of a log come from (c2sp.org/tlog-tiles): a folder or a server. Whoever answers is not trusted, neither with
// what the bytes are nor with how many there are.

import { hashBytes } from "../log/merkle-tree.ts";
import { type TilePlace, tilePath } from "../log/tiles.ts";

export interface TileFetcher {
  /** In words, for messages. */
  readonly place: string;

  /**
   * The bytes of a file, at most `maxBytesOf` it; null when it is not there. Throws `FetchError` when that cannot be known, or
   * when what is there is no such file.
   */
  fetch(file: LogFile): Promise<Uint8Array | null>;
}

export type LogFile = "checkpoint" | "vkey" | TilePlace;

/** It could not be read, which is evidence of nothing. */
export class FetchError extends Error {
  override readonly name = "FetchError";
}

export function filePath(file: LogFile): string {
  return typeof file === "string" ? file : tilePath(file);
}

const maxNoteBytes = 65_536;
const maxKeyBytes = 1_024;
/** An entry of a bundle with its length (c2sp.org/tlog-tiles). */
const maxBundledBytes = 2 + 65_535;

/** Nothing that is a file of its kind is larger. */
export function maxBytesOf(file: LogFile): number {
  if (file === "checkpoint") return maxNoteBytes;
  if (file === "vkey") return maxKeyBytes;
  return file.width * (file.level === "entries" ? maxBundledBytes : hashBytes);
}
