import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeBundle, encodeBundle, parseTilePath, tilePath, tilesOf, widthIn } from "./tiles.ts";

test("paths are those of the specification", () => {
  assert.equal(tilePath({ level: 0, index: 1_234_067, width: 256 }), "tile/0/x001/x234/067");
  assert.equal(tilePath({ level: 1, index: 0, width: 17 }), "tile/1/000.p/17");
  assert.equal(tilePath({ level: "entries", index: 999, width: 1 }), "tile/entries/999.p/1");
  assert.equal(tilePath({ level: "entries", index: 1000, width: 256 }), "tile/entries/x001/000");
});

test("each tile has one path, which leads back to it", () => {
  const place = fc.record({
    level: fc.constantFrom(0, 1, 2, 3, 4, 5, 6, "entries" as const),
    index: fc.nat(2 ** 40),
    width: fc.integer({ min: 1, max: 256 }),
  });
  fc.assert(fc.property(place, (tile) => assert.deepEqual(parseTilePath(tilePath(tile)), { ...tile })));
});

test("other paths are none", () => {
  for (const path of [
    "tile/0/0",
    "tile/00/000",
    "tile/-1/000",
    "tile/7/000",
    "tile/64/000",
    "tile/0/x000/001",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/01",
    "tile/0/001/000",
    "tile/0/x001",
    "tile/0/000/",
    "/tile/0/000",
    "tile/entries/../000",
    `tile/0/${"x999/".repeat(5)}999`,
    "tile/0/000\n",
  ]) {
    assert.equal(parseTilePath(path), null, path);
  }
});

test("a tree of 70,000 has the tiles that the specification says", () => {
  const tiles = [...tilesOf(70_000)];
  const at = (level: number) => tiles.filter((tile) => tile.level === level);
  assert.equal(at(0).filter(({ width }) => width === 256).length, 273);
  assert.deepEqual(at(0).at(-1), { level: 0, index: 273, width: 112 });
  assert.deepEqual(at(1), [
    { level: 1, index: 0, width: 256 },
    { level: 1, index: 1, width: 17 },
  ]);
  assert.deepEqual(at(2), [{ level: 2, index: 0, width: 1 }]);
  assert.equal(at(3).length, 0);
  assert.deepEqual([...tilesOf(0)], []);
  assert.deepEqual(
    [...tilesOf(256)].map(({ level, width }) => [level, width]),
    [
      [0, 256],
      [1, 1],
    ],
  );
  assert.equal(widthIn(70_000, { level: "entries", index: 273 }), 112);
  assert.equal(widthIn(70_000, { level: "entries", index: 274 }), 0);
});

test("a bundle holds its entries, and nothing else is one", () => {
  const entries = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(entries, fc.nat(), (leaves, cut) => {
      const bytes = encodeBundle(leaves);
      const decoded = decodeBundle(bytes, leaves.length);
      assert.ok(decoded.ok);
      assert.deepEqual(
        decoded.value.map((leaf) => Buffer.from(leaf)),
        leaves.map((leaf) => Buffer.from(leaf)),
      );
      assert.equal(decodeBundle(bytes, leaves.length + 1).ok, false);
      assert.equal(decodeBundle(bytes, leaves.length - 1).ok, false);
      assert.equal(decodeBundle(bytes.subarray(0, cut % bytes.length), leaves.length).ok, false);
      assert.equal(decodeBundle(Buffer.concat([bytes, Buffer.of(0)]), leaves.length).ok, false);
    }),
  );
  assert.throws(() => encodeBundle([Buffer.alloc(65_536)]), RangeError);
});
