// The guarantees of LogStore (audit/log-store.ts) about the hashes of full tiles, held against a tree that is computed by
// the definition.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogStore, TileHash } from "../../audit/log-store.ts";
import { type OpenStorage, withStorage } from "./driver.ts";
import { entries, entry, headOf, hex } from "./samples.ts";

export function describeTileHashes(open: OpenStorage): void {
  describeGrowing(open);
  describeCompleting(open);
}

function describeGrowing(open: OpenStorage): void {
  test("keeps the hash of each tile with the entry that fills it", () =>
    withStorage(open, async ({ log }, opened) => {
      const all = [...entries(255)];
      await log.append(all);
      assert.deepEqual(await kept(log, 1), []);
      for (const count of [1, 300, 1, 209, 2]) {
        const more = entries(count);
        await log.append(more);
        all.push(...more);
        assert.deepEqual(await kept(log, 1), tilesOf(all.map(({ leaf }) => leaf)));
      }
      assert.deepEqual(await kept(log, 2), []);
      const reopened = (await opened.reopen()).log;
      await reopened.takeOver("inst_2");
      assert.deepEqual(await kept(reopened, 1), tilesOf(all.map(({ leaf }) => leaf)));
    }));

  test("keeps one each where many append at once", () =>
    withStorage(open, async ({ log }) => {
      await Promise.all(Array.from({ length: 400 }, () => log.append(entries(3))));
      const leaves = (await log.read(0, 2_000)).map(({ leaf }) => leaf);
      assert.equal(leaves.length, 1_200);
      assert.deepEqual(await kept(log, 1), tilesOf(leaves));
    }));

  test("keeps none of an append that failed", () =>
    withStorage(open, async ({ log }) => {
      const first = entry("first");
      await log.append([first, ...entries(254)]);
      await assert.rejects(log.append([entry("fresh"), first]));
      assert.equal(await log.countTileHashes(1, 10), 0);
      await log.append([entry("fresh")]);
      assert.equal(await log.countTileHashes(1, 10), 1);
    }));

  test("has the hash of 65,536 entries one level up", () =>
    withStorage(open, async ({ log }) => {
      for (let size = 0; size < 65_536; size += 8_192) await log.append(entries(8_192));
      const below = await log.tileHashes(1, 0, 1_000);
      assert.equal(below.length, 256);
      const [above, ...none] = await log.tileHashes(2, 0, 1_000);
      assert.deepEqual([above?.level, above?.index, none.length], [2, 0, 0]);
      assert.equal(hex(above?.hash ?? null), hex((await log.head()).frontier[0] ?? null));
    }));
}

function describeCompleting(open: OpenStorage): void {
  const given = (level: number, index: number, byte: number): TileHash => ({
    level,
    index,
    hash: Buffer.alloc(32, byte),
  });

  test("takes those of entries from before, twice too, and gives ranges of them in order", () =>
    withStorage(open, async ({ log }) => {
      const some = [given(1, 2, 7), given(1, 0, 8), given(2, 0, 9)];
      await log.putTileHashes(some);
      await log.putTileHashes([...some, given(1, 5, 1)]);
      const indices = async (level: number, from: number, to: number): Promise<readonly number[]> =>
        (await log.tileHashes(level, from, to)).map(({ index }) => index);
      assert.deepEqual(await indices(1, 0, 100), [0, 2, 5]);
      assert.deepEqual(await indices(1, 1, 5), [2]);
      assert.deepEqual(await indices(2, 0, Number.MAX_SAFE_INTEGER), [0]);
      assert.deepEqual(await indices(3, 0, 100), []);
      assert.deepEqual(await indices(1, 4, 2), []);
      assert.deepEqual([await log.countTileHashes(1, 100), await log.countTileHashes(1, 2)], [3, 1]);
    }));

  test("refuses one in the place of another, and keeps nothing that came with it", () =>
    withStorage(open, async ({ log }) => {
      await log.putTileHashes([given(1, 0, 7)]);
      await assert.rejects(log.putTileHashes([given(1, 1, 1), given(1, 0, 8)]), { name: "OperatorError" });
      assert.deepEqual(await kept(log, 1), [{ index: 0, hash: hex(Buffer.alloc(32, 7)) }]);
    }));

  test("takes none from who was taken over from", () =>
    withStorage(open, async ({ log }, opened) => {
      await opened.replace(await opened.rival(), "inst_2");
      await assert.rejects(log.putTileHashes([given(1, 0, 7)]), { name: "FencedError" });
      assert.equal(await log.countTileHashes(1, 100), 0);
    }));
}

interface Kept {
  readonly index: number;
  readonly hash: string | null;
}

async function kept(log: LogStore, level: number): Promise<readonly Kept[]> {
  return (await log.tileHashes(level, 0, Number.MAX_SAFE_INTEGER)).map(({ index, hash }) => ({
    index,
    hash: hex(hash),
  }));
}

function tilesOf(leaves: readonly Uint8Array[]): readonly Kept[] {
  return Array.from({ length: Math.floor(leaves.length / 256) }, (_, index) => ({
    index,
    hash: hex(headOf(leaves.slice(index * 256, (index + 1) * 256)).frontier[0] ?? null),
  }));
}
