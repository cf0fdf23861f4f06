// A log as a folder of files (c2sp.org/tlog-tiles), written in one go, for tests and benchmarks of what reads it.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { signCheckpoint } from "../log/checkpoint.ts";
import { GrowingTree } from "../log/growing-tree.ts";
import { leafHash } from "../log/merkle-tree.ts";
import type { NoteSigner } from "../log/signed-note.ts";
import { encodeBundle, type TilePlace, tilePath, tileWidth } from "../log/tiles.ts";

/** Memory is bounded by one bundle. */
export function writeTileFolder(folder: string, signer: NoteSigner, leaves: Iterable<Uint8Array>): void {
  const made = new Set<string>();
  const write = (path: string, bytes: Uint8Array | string): void => {
    const parent = dirname(join(folder, path));
    if (!made.has(parent)) mkdirSync(parent, { recursive: true });
    made.add(parent);
    writeFileSync(join(folder, path), bytes);
  };
  const rows: Uint8Array[][] = [];
  const writeRow = (level: number, index: number): void => {
    const hashes = rows[level] ?? [];
    if (hashes.length === 0) return;
    write(tilePath({ level, index, width: hashes.length }), Buffer.concat(hashes));
    rows[level] = [];
  };
  const add = (level: number, index: number, hash: Uint8Array): void => {
    rows[level] ??= [];
    rows[level].push(hash);
    if (rows[level].length === tileWidth) writeRow(level, Math.floor(index / tileWidth));
  };
  const tree = new GrowingTree(add);
  let bundle: Uint8Array[] = [];
  const writeBundle = (width: number): void => {
    const index = Math.ceil(tree.size / tileWidth) - 1;
    const place: TilePlace = { level: "entries", index, width };
    if (width > 0) write(tilePath(place), encodeBundle(bundle));
    bundle = [];
  };
  for (const leaf of leaves) {
    const hash = leafHash(leaf);
    add(0, tree.size, hash);
    tree.append(hash);
    bundle.push(leaf);
    if (bundle.length === tileWidth) writeBundle(tileWidth);
  }
  writeBundle(bundle.length);
  for (const level of rows.keys()) writeRow(level, Math.floor(tree.size / tileWidth ** (level + 1)));
  write("checkpoint", signCheckpoint(signer, tree.size, tree.root));
  write("vkey", `${signer.vkey}\n`);
}
