import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  consistencyProof,
  inclusionProof,
  verifyConsistency,
  verifyInclusion,
} from "portcullis-verify/log/merkle-proofs.ts";
import { appendLeafHashes, emptyHead, leafHash, rootOf } from "portcullis-verify/log/merkle-tree.ts";
import { decodeBundle, tilesOf, tileWidth, widthIn } from "portcullis-verify/log/tiles.ts";
import { MemoryLogStore, newLogState } from "./log-store.test-support.ts";
import { LogGapError } from "./log-walk.ts";
import { subtreesOf, tileBytes } from "./stored-tree.ts";

const size = 70_000;
const leaves = Array.from({ length: size }, (_, index) => Buffer.from(`leaf ${index}`));
const hashes = leaves.map(leafHash);

async function filledStore(): Promise<MemoryLogStore> {
  const store = new MemoryLogStore(newLogState());
  await store.takeOver();
  for (let from = 0; from < size; from += 7_000) {
    await store.append(
      leaves.slice(from, from + 7_000).map((leaf, at) => ({ id: `${from + at}`, leaf, salt: null })),
    );
  }
  return store;
}

function rootAt(entries: number): Uint8Array {
  return rootOf(appendLeafHashes(emptyHead, hashes.slice(0, entries)));
}

test("proofs of any entry, from any size to any other, hold", async () => {
  const store = await filledStore();
  const sizes = fc.tuple(fc.integer({ min: 1, max: size }), fc.nat());
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(), async ([larger, part], at) => {
      const read = subtreesOf(store, larger);
      const index = at % larger;
      const root = rootAt(larger);
      const path = await inclusionProof(index, larger, read);
      assert.ok(verifyInclusion(index, larger, hashes[index] ?? Buffer.alloc(0), path, root));
      const smaller = 1 + (part % larger);
      const grown = await consistencyProof(smaller, larger, read);
      assert.ok(verifyConsistency(smaller, larger, grown, rootAt(smaller), root));
    }),
    { numRuns: 30 },
  );
});

test("reads a few tiles for a proof, however many entries there are", async () => {
  const store = await filledStore();
  let rows = 0;
  const counted = {
    read: async (from: number, to: number) => {
      const entries = await store.read(from, to);
      rows += entries.length;
      return entries;
    },
    tileHashes: async (level: number, from: number, to: number) => {
      const kept = await store.tileHashes(level, from, to);
      rows += kept.length;
      return kept;
    },
  };
  await inclusionProof(40_000, size, subtreesOf(counted, size));
  assert.ok(rows > 0 && rows <= 2 * 256 + 2 * 256 + 1, `${rows} rows`);
});

test("each tile holds the hashes of the one below, down to the entries", async () => {
  const store = await filledStore();
  for (const place of tilesOf(size)) {
    const bytes = await tileBytes(store, place);
    assert.equal(bytes.length, 32 * place.width);
    const of = tileWidth ** place.level;
    for (const at of [0, place.width - 1]) {
      const first = (place.index * tileWidth + at) * of;
      const expected = rootOf(appendLeafHashes(emptyHead, hashes.slice(first, first + of)));
      assert.deepEqual(bytes.subarray(32 * at, 32 * (at + 1)), Buffer.from(expected));
    }
  }
  const last = { level: "entries", index: 273 } as const;
  const bundle = decodeBundle(await tileBytes(store, { ...last, width: widthIn(size, last) }), 112);
  assert.ok(bundle.ok);
  assert.deepEqual(
    bundle.value.map((leaf) => Buffer.from(leaf)),
    leaves.slice(273 * 256),
  );
});

test("hashes that are not kept are computed, and entries that are missing are named", async () => {
  const store = await filledStore();
  const read = subtreesOf(store, size);
  const expected = await read(16, 0);
  store.state.tileHashes.length = 0;
  assert.deepEqual(await subtreesOf(store, size)(16, 0), expected);
  store.state.entries.length = 500;
  await assert.rejects(tileBytes(store, { level: 0, index: 1, width: 256 }), new LogGapError(500));
  await assert.rejects(subtreesOf(store, size)(16, 0), new LogGapError(500));
});

test("has no subtree beyond its size", async () => {
  const store = await filledStore();
  const read = subtreesOf(store, 300);
  await read(2, 74);
  await assert.rejects(read(2, 75), RangeError);
  await assert.rejects(read(0, 300), RangeError);
  await assert.rejects(read(9, 0), RangeError);
});
