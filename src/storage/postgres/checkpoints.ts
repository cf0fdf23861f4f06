// Keeping checkpoints, and thinning them.

import type { StoredCheckpoint } from "../../audit/log-store.ts";
import { NotSigningError } from "../../audit/peer-store.ts";
import { refuseStepBack, thinningSteps } from "../rows/checkpoint-rules.ts";
import { packHashes, unpackHashes } from "../rows/packed-hashes.ts";
import { blob, integer, type Row, text } from "../rows/row.ts";
import type { WriteTransaction } from "./write-transaction.ts";

/**
 * The row of who signs stays locked until it is committed: nobody else puts one in between. Without an epoch there is
 * nothing to hold it against, as with every write.
 */
export async function putCheckpoint(
  transaction: WriteTransaction,
  epoch: number | null,
  checkpoint: StoredCheckpoint,
): Promise<void> {
  const { size, root, note, frontier, time } = checkpoint;
  const [signer] = await transaction.rows("SELECT epoch FROM log_signer FOR UPDATE");
  if (epoch !== null && signer?.["epoch"] !== epoch) throw new NotSigningError("another instance signs now");
  const [last] = await transaction.rows(
    "SELECT size, root, made_at FROM checkpoints ORDER BY size DESC LIMIT 1",
  );
  refuseStepBack(last ?? null, checkpoint);
  await transaction.change(
    `INSERT INTO checkpoints (size, root, note, frontier, made_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (size) DO UPDATE SET frontier = excluded.frontier, made_at = excluded.made_at,
       note = CASE WHEN checkpoints.witnessed THEN checkpoints.note ELSE excluded.note END`,
    [size, Buffer.from(root), note, packHashes(frontier), time],
  );
  if (last !== undefined) await thin(transaction, integer(last, "made_at"), time);
}

export async function putCosigned(
  transaction: WriteTransaction,
  size: number,
  note: string,
  meetsQuorum: boolean,
): Promise<void> {
  await transaction.change(
    "UPDATE checkpoints SET note = $2, witnessed = $3 WHERE size = $1 AND witnessed <= $3",
    [size, note, meetsQuorum],
  );
}

export function checkpointOf(row: Row | null): StoredCheckpoint | null {
  if (row === null) return null;
  return {
    size: integer(row, "size"),
    time: integer(row, "made_at"),
    root: blob(row, "root"),
    note: text(row, "note"),
    frontier: unpackHashes(blob(row, "frontier")),
  };
}

// A checkpoint is looked at once for each step, when it comes of age: the stretches between the last checkpoint's time and
// the new one's follow each other without a gap. By then its span is over, so the checkpoint behind it says whether it is
// the last. The latest has none behind it and stays, and so does the latest that witnesses have cosigned.
async function thin(transaction: WriteTransaction, last: number, now: number): Promise<void> {
  for (const { age, span } of thinningSteps) {
    await transaction.change(
      `DELETE FROM checkpoints
       WHERE made_at > $1 AND made_at <= $2 AND made_at / ${span} = (
         SELECT behind.made_at / ${span} FROM checkpoints AS behind
         WHERE behind.size > checkpoints.size ORDER BY behind.size LIMIT 1
       ) AND size <> coalesce((SELECT max(size) FROM checkpoints WHERE witnessed), -1)`,
      [last - age, now - age],
    );
  }
}
