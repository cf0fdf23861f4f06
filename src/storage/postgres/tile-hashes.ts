// Keeping the hashes of full tiles of a log from before they were kept.

import type { TileHash } from "../../audit/log-store.ts";
import { integer } from "../rows/row.ts";
import { otherTileHash } from "../rows/tile-hash-rows.ts";
import { givenTileHashes, tileHashValues } from "./tile-hash-statement.ts";
import type { WriteTransaction } from "./write-transaction.ts";

/** Throws `OperatorError` when another hash is there in the place of one. Gateways that start together give the same ones. */
export async function putTileHashes(
  transaction: WriteTransaction,
  hashes: readonly TileHash[],
): Promise<void> {
  const values = tileHashValues(hashes);
  await transaction.change(
    `INSERT INTO tile_hashes (level, idx, hash) ${givenTileHashes} ON CONFLICT DO NOTHING`,
    values,
  );
  const [other] = await transaction.rows(
    `SELECT level, idx FROM (${givenTileHashes}) AS given JOIN tile_hashes AS kept USING (level, idx)
     WHERE kept.hash <> given.hash ORDER BY level, idx LIMIT 1`,
    values,
  );
  if (other !== undefined)
    throw otherTileHash({ level: integer(other, "level"), index: integer(other, "idx") });
}
