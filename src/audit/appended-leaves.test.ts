import assert from "node:assert/strict";
import { test } from "node:test";
import { AppendedLeaves } from "./appended-leaves.ts";

const stored = Array.from({ length: 20 }, (_, index) => ({ index, leaf: Buffer.from(`stored ${index}`) }));
const store = { read: async (from: number, to: number) => stored.slice(from, to) };

function entriesFrom(first: number, count: number, bytes = 16) {
  return Array.from({ length: count }, (_, at) => ({
    id: "",
    leaf: Buffer.from(`appended ${first + at}`.padEnd(bytes)),
    salt: null,
  }));
}

/** All of them, batch by batch, as the log is walked. */
async function textsOf(leaves: AppendedLeaves, to: number): Promise<readonly string[]> {
  const texts: string[] = [];
  while (texts.length < to) {
    const batch = await leaves.read(texts.length, to);
    assert.ok(batch.length > 0 && batch[0]?.index === texts.length);
    texts.push(...batch.map(({ leaf }) => Buffer.from(leaf).toString().trim()));
  }
  return texts;
}

test("what was appended here is read as it was appended, and the rest from the store", async () => {
  const leaves = new AppendedLeaves(store);
  leaves.add(3, entriesFrom(3, 2));
  leaves.add(8, entriesFrom(8, 1));
  const texts = await textsOf(leaves, 10);
  const ours = [3, 4, 8];
  assert.deepEqual(
    texts,
    texts.map((_, at) => `${ours.includes(at) ? "appended" : "stored"} ${at}`),
  );
  leaves.forgetBelow(8);
  assert.deepEqual(
    (await textsOf(leaves, 10)).filter((text) => text.startsWith("appended")),
    ["appended 8"],
  );
});

test("what is more than fits is left to the store, and fits again once it was signed", async () => {
  const leaves = new AppendedLeaves(store);
  leaves.add(0, entriesFrom(0, 1));
  leaves.add(1, entriesFrom(1, 1, 32 * 1024 * 1024));
  assert.deepEqual(await textsOf(leaves, 2), ["appended 0", "stored 1"]);
  leaves.forgetBelow(1);
  leaves.add(1, entriesFrom(1, 1, 32 * 1024 * 1024));
  assert.deepEqual(await textsOf(leaves, 2), ["stored 0", "appended 1"]);
});
