// Hashes of full tiles, as they are stored.

import type { TileHash } from "../../audit/log-store.ts";
import { OperatorError } from "../../core/operator-error.ts";
import { blob, integer, type Row } from "./row.ts";

export function tileHashOf(level: number, row: Row): TileHash {
  return { level, index: integer(row, "idx"), hash: blob(row, "hash") };
}

export function otherTileHash({ level, index }: Pick<TileHash, "level" | "index">): OperatorError {
  return new OperatorError(
    `the data store has a hash of its tree (level ${level}, index ${index}) that is not that of its entries; keep a copy of it and run \`portcullis audit verify\` on that`,
  );
}
