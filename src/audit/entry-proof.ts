// The proof that an entry is in the log, for whoever has the entry and the log's public key.

import { inclusionProof } from "portcullis-verify/log/merkle-proofs.ts";
import { formatTlogProof } from "portcullis-verify/log/tlog-proof.ts";
import type { StoredCheckpoint } from "./log-store.ts";
import { subtreesOf, type TreeStore } from "./stored-tree.ts";

/** In the form of c2sp.org/tlog-proof, under this checkpoint, which must be of more than `index` entries. */
export async function entryProof(
  store: TreeStore,
  checkpoint: Pick<StoredCheckpoint, "size" | "note">,
  index: number,
): Promise<string> {
  const { size, note } = checkpoint;
  const path = await inclusionProof(index, size, subtreesOf(store, size));
  return formatTlogProof({ extra: null, index, path, checkpoint: note });
}
