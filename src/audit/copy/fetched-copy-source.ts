// A log behind files (c2sp.org/tlog-tiles): what a gateway or a web server gives out, or another copy.

import { decodeBundle, type TilePlace, tileWidth } from "portcullis-verify/log/tiles.ts";
import type { CopySource } from "./copy-source.ts";

/** `TileFetcher` of the verifier is one. */
export interface LogFiles {
  readonly place: string;
  /** Null when it is not there. Rejects when that cannot be known. */
  fetch(file: "checkpoint" | "vkey" | TilePlace): Promise<Uint8Array | null>;
}

export function fetchedCopySource(files: LogFiles, policies: CopySource["policies"]): CopySource {
  const note = async (name: "checkpoint" | "vkey"): Promise<string | null> => {
    const bytes = await files.fetch(name);
    return bytes === null ? null : Buffer.from(bytes).toString("utf8");
  };
  return {
    place: files.place,
    vkey: async () => (await note("vkey"))?.replace(/\n$/, "") ?? null,
    checkpoint: () => note("checkpoint"),
    leaves: async (index, width) => leavesOf(files, index, width),
    policies,
  };
}

/** None when there is no such bundle, which is then found to be missing. */
async function leavesOf(files: LogFiles, index: number, width: number): Promise<readonly Uint8Array[]> {
  const level = "entries" as const;
  const bytes = await files.fetch({ level, index, width });
  if (bytes !== null) return decoded(bytes, width);
  if (width === tileWidth) return [];
  // A partial bundle goes when there is the full one.
  const whole = await files.fetch({ level, index, width: tileWidth });
  return whole === null ? [] : decoded(whole, tileWidth).slice(0, width);
}

function decoded(bytes: Uint8Array, width: number): readonly Uint8Array[] {
  const leaves = decodeBundle(bytes, width);
  return leaves.ok ? leaves.value : [];
}
