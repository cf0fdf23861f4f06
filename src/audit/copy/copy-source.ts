// What a log is copied from. None of it is trusted: what is copied has to hash to a checkpoint that the log's key signed.

import { tileWidth } from "portcullis-verify/log/tiles.ts";
import type { LogStore } from "../log-store.ts";

export interface CopySource {
  /** In words, for messages. */
  readonly place: string;
  /** The log's verifier key by its own account, or null when it names none. */
  vkey(): Promise<string | null>;
  /** The latest signed checkpoint, or null when there is none. */
  checkpoint(): Promise<string | null>;
  /** The first `width` entries of a bundle, or as many as there are of them. */
  leaves(index: number, width: number): Promise<readonly Uint8Array[]>;
  /** What is kept of a revision of the policies, or null. */
  policies(revision: string): Promise<string | null>;
}

/** A data store, also one that a gateway writes. */
export function storeCopySource(
  place: string,
  log: Pick<LogStore, "identity" | "latestCheckpoint" | "read">,
  policies: CopySource["policies"],
): CopySource {
  return {
    place,
    vkey: async () => (await log.identity())?.vkey ?? null,
    checkpoint: async () => (await log.latestCheckpoint())?.note ?? null,
    leaves: async (index, width) => {
      const from = index * tileWidth;
      const entries = await log.read(from, from + width);
      const gap = entries.findIndex((entry, at) => entry.index !== from + at);
      return (gap < 0 ? entries : entries.slice(0, gap)).map(({ leaf }) => leaf);
    },
    policies,
  };
}
