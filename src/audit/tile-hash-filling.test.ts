import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryLogStore, newLogState } from "./log-store.test-support.ts";
import type { TileHash } from "./log-store.ts";
import { fillTileHashes } from "./tile-hash-filling.ts";

const size = 70_000;

/** A log with its hashes, and those hashes by themselves. */
async function filledStore(): Promise<{ store: MemoryLogStore; expected: readonly TileHash[] }> {
  const store = new MemoryLogStore(newLogState());
  await store.takeOver();
  const entries = Array.from({ length: size }, (_, index) => ({
    id: `${index}`,
    leaf: Buffer.from(`leaf ${index}`),
    salt: null,
  }));
  await store.append(entries);
  return { store, expected: sorted(store.state.tileHashes) };
}

function sorted(hashes: readonly TileHash[]): readonly TileHash[] {
  return hashes
    .map(({ level, index, hash }) => ({ level, index, hash: Buffer.from(hash) }))
    .toSorted((one, other) => one.level - other.level || one.index - other.index);
}

test("a log without any gets all of them, and says how far it is", async () => {
  const { store, expected } = await filledStore();
  store.state.tileHashes.length = 0;
  const told: (readonly [number, number])[] = [];
  await fillTileHashes(store, await store.head(), (done, total) => told.push([done, total]));
  assert.deepEqual(sorted(store.state.tileHashes), expected);
  assert.deepEqual(
    [told[0], told.at(-1)],
    [
      [0, 274],
      [274, 274],
    ],
  );
  assert.ok(told.length > 4);
});

test("a log that has them is left alone", async () => {
  const { store } = await filledStore();
  store.putTileHashes = () => assert.fail("nothing is missing");
  await fillTileHashes(store, await store.head(), () => assert.fail("nothing is missing"));
});

test("what was kept before it was killed is not computed again", async () => {
  const { store, expected } = await filledStore();
  store.state.tileHashes.length = 0;
  const put = store.putTileHashes.bind(store);
  let batches = 0;
  store.putTileHashes = async (hashes) => {
    if (batches === 2) throw new Error("killed");
    batches += 1;
    await put(hashes);
  };
  await assert.rejects(
    fillTileHashes(store, await store.head(), () => {}),
    /killed/,
  );
  const before = store.state.tileHashes.length;
  assert.ok(before > 0 && before < expected.length);
  store.putTileHashes = put;
  let first = -1;
  await fillTileHashes(store, await store.head(), (_, total) => {
    if (first === -1) first = total;
  });
  assert.equal(first, expected.length - before);
  assert.deepEqual(sorted(store.state.tileHashes), expected);
});

test("gaps are found wherever they are", async () => {
  const { store, expected } = await filledStore();
  store.state.tileHashes = store.state.tileHashes.filter(
    ({ level, index }) => level === 1 && ![0, 7, 8, 200, 272].includes(index),
  );
  await fillTileHashes(store, await store.head(), () => {});
  assert.deepEqual(sorted(store.state.tileHashes), expected);
});

test("entries that do not hash to the head are refused", async () => {
  const { store } = await filledStore();
  store.state.tileHashes.length = 0;
  store.state.entries[300] = { id: "300", leaf: Buffer.from("another"), salt: null };
  await assert.rejects(
    fillTileHashes(store, await store.head(), () => {}),
    {
      name: "OperatorError",
      message: /entries in the data store do not hash to its head/,
    },
  );
});

test("hashes beyond the head are refused", async () => {
  const { store } = await filledStore();
  store.state.tileHashes.push({ level: 1, index: 273, hash: Buffer.alloc(32) });
  await assert.rejects(
    fillTileHashes(store, await store.head(), () => {}),
    {
      name: "OperatorError",
      message: /level 1, index 273.* beyond the head of its log, which has 70000 entries/,
    },
  );
});
