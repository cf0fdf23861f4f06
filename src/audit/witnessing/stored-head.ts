// The head that the log had at some size, of the hashes that are kept.

import type { LogHead } from "portcullis-verify/log/merkle-tree.ts";
import { subtreesOf, type TreeStore } from "../stored-tree.ts";

/** The log has to have that many entries. */
export async function headOf(store: TreeStore, size: number): Promise<LogHead> {
  const read = subtreesOf(store, size);
  const frontier: Uint8Array[] = [];
  let start = 0;
  for (let level = Math.floor(Math.log2(Math.max(1, size))); level >= 0; level -= 1) {
    const width = 2 ** level;
    if (start + width > size) continue;
    frontier.push(await read(level, start / width));
    start += width;
  }
  return { size, frontier };
}
