// Hashes of full tiles as parameters of a statement: in one piece, because as an array they would be written out in
// hexadecimal.

import type { TileHash } from "../../audit/log-store.ts";
import { packHashes } from "../rows/packed-hashes.ts";
import type { Statement } from "./session.ts";

/** Rows of `level`, `idx` and `hash`. */
export const givenTileHashes = `
  SELECT level, idx, substring($3::bytea FROM (32 * at - 31)::int FOR 32) AS hash
  FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS given (level, idx, at)`;

export function tileHashValues(hashes: readonly TileHash[]): readonly unknown[] {
  return [
    hashes.map(({ level }) => level),
    hashes.map(({ index }) => index),
    packHashes(hashes.map(({ hash }) => hash)),
  ];
}

/** Fails where one is there already. */
export function insertTileHashes(hashes: readonly TileHash[]): Statement {
  return {
    name: "tile hashes",
    text: `INSERT INTO tile_hashes (level, idx, hash) ${givenTileHashes}`,
    values: tileHashValues(hashes),
  };
}
