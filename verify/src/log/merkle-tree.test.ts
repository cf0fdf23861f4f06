import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from "./merkle-proofs.ts";
import { appendLeafHashes, emptyHead, isWellFormedHead, leafHash, nodeHash, rootOf } from "./merkle-tree.ts";

const vectorFolder = new URL("../../../../shared/vectors/rfc6962/", import.meta.url);

/** The published vectors, or null where they are not at hand. */
function vectors<Shape extends z.ZodType>(t: TestContext, file: string, shape: Shape): z.infer<Shape> | null {
  try {
    return shape.parse(JSON.parse(readFileSync(new URL(file, vectorFolder), "utf8")));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    t.diagnostic(`not checked against ${file}: ../shared/vectors/rfc6962 does not exist`);
    return null;
  }
}

const base64 = z.string().transform((text) => Buffer.from(text, "base64"));
const proof = z.nullable(z.array(base64)).transform((path) => path ?? []);

/** Every subtree hash by brute force, straight from the definition. */
function subtree(leaves: readonly Uint8Array[], start: number, end: number): Uint8Array {
  if (end - start === 1) return leafHash(leaves[start] ?? Buffer.alloc(0));
  let split = 1;
  while (split * 2 < end - start) split *= 2;
  return nodeHash(subtree(leaves, start, start + split), subtree(leaves, start + split, end));
}

function readerOver(leaves: readonly Uint8Array[]) {
  return async (level: number, index: number) =>
    subtree(leaves, index * 2 ** level, (index + 1) * 2 ** level);
}

function rootAfter(leaves: readonly Uint8Array[], size = leaves.length): Uint8Array {
  return rootOf(appendLeafHashes(emptyHead, leaves.slice(0, size).map(leafHash)));
}

const leafList = fc.array(fc.uint8Array({ maxLength: 8 }), { minLength: 1, maxLength: 40 });

describe("merkle tree", () => {
  it("has the node hashes and roots of the published tree", (t) => {
    const shape = z.object({
      leaves_hex: z.array(z.string()),
      nodes_hex_by_level: z.array(z.array(z.string())),
    });
    const tree = vectors(t, "tree.json", shape);
    if (tree === null) return;
    const leaves = tree.leaves_hex.map((leaf) => Buffer.from(leaf, "hex"));
    tree.nodes_hex_by_level.forEach((nodes, level) => {
      nodes.forEach((expected, index) => {
        const found = subtree(leaves, index * 2 ** level, (index + 1) * 2 ** level);
        assert.equal(Buffer.from(found).toString("hex"), expected);
      });
    });
    assert.equal(Buffer.from(rootAfter(leaves)).toString("hex"), tree.nodes_hex_by_level.at(-1)?.[0]);
  });

  it("gives the empty tree the hash of nothing", () => {
    const expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert.equal(Buffer.from(rootOf(emptyHead)).toString("hex"), expected);
  });

  it("has the same root appended one by one, in batches or by definition", () => {
    fc.assert(
      fc.property(leafList, fc.nat(40), (leaves, cut) => {
        const hashes = leaves.map(leafHash);
        const batches = appendLeafHashes(
          appendLeafHashes(emptyHead, hashes.slice(0, cut)),
          hashes.slice(cut),
        );
        assert.ok(isWellFormedHead(batches));
        assert.deepEqual(Buffer.from(rootOf(batches)), Buffer.from(subtree(leaves, 0, leaves.length)));
        assert.deepEqual(rootOf(batches), rootAfter(leaves));
      }),
    );
  });

  it("refuses a frontier that does not fit its size", () => {
    const full = appendLeafHashes(emptyHead, [leafHash(Buffer.from("a")), leafHash(Buffer.from("b"))]);
    assert.throws(() => rootOf({ size: 3, frontier: full.frontier }), TypeError);
    assert.throws(() => appendLeafHashes({ size: 1, frontier: [] }, full.frontier), TypeError);
    assert.equal(isWellFormedHead({ size: 1, frontier: [Buffer.alloc(31)] }), false);
  });
});

describe("inclusion proofs", () => {
  it("are judged as the published vectors say", (t) => {
    const shape = z.array(
      z.object({
        name: z.string(),
        leafIdx: z.number(),
        treeSize: z.number(),
        root: base64,
        leafHash: base64,
        proof,
        wantErr: z.boolean(),
      }),
    );
    for (const vector of vectors(t, "inclusion.json", shape) ?? []) {
      const holds = verifyInclusion(
        vector.leafIdx,
        vector.treeSize,
        vector.leafHash,
        vector.proof,
        vector.root,
      );
      assert.equal(holds, !vector.wantErr, vector.name);
    }
  });

  it("hold for every leaf of every size, and for no other leaf or position", async () => {
    const leaves = Array.from({ length: 19 }, (_, index) => Buffer.from([index]));
    for (let size = 1; size <= leaves.length; size += 1) {
      const root = rootAfter(leaves, size);
      for (let index = 0; index < size; index += 1) {
        const path = await inclusionProof(index, size, readerOver(leaves));
        const leaf = leafHash(Buffer.from([index]));
        assert.ok(verifyInclusion(index, size, leaf, path, root));
        assert.equal(verifyInclusion(index, size, leafHash(Buffer.from([99])), path, root), false);
        if (size > 1) assert.equal(verifyInclusion((index + 1) % size, size, leaf, path, root), false);
      }
    }
    await assert.rejects(inclusionProof(3, 3, readerOver(leaves)), RangeError);
  });
});

describe("consistency proofs", () => {
  it("are judged as the published vectors say", (t) => {
    const shape = z.array(
      z.object({
        name: z.string(),
        size1: z.number(),
        size2: z.number(),
        root1: base64,
        root2: base64,
        proof,
        wantErr: z.boolean(),
      }),
    );
    for (const vector of vectors(t, "consistency.json", shape) ?? []) {
      const holds = verifyConsistency(vector.size1, vector.size2, vector.proof, vector.root1, vector.root2);
      assert.equal(holds, !vector.wantErr, vector.name);
    }
  });

  it("hold from every prefix, and find any single bit changed before or after", async () => {
    await fc.assert(
      fc.asyncProperty(leafList, fc.nat(), fc.nat(), fc.nat(7), async (leaves, cut, victim, bit) => {
        const size1 = 1 + (cut % leaves.length);
        const path = await consistencyProof(size1, leaves.length, readerOver(leaves));
        const root1 = rootAfter(leaves, size1);
        const root2 = rootAfter(leaves);
        assert.ok(verifyConsistency(size1, leaves.length, path, root1, root2));

        const at = victim % leaves.length;
        const changed = Buffer.from([...(leaves[at] ?? []), 1]);
        changed[changed.length - 1] = 1 ^ (1 << bit);
        const forged = leaves.with(at, changed);
        assert.notDeepEqual(rootAfter(forged), root2);
        const forgedPath = await consistencyProof(size1, leaves.length, readerOver(forged));
        const rewritesHistory = at < size1;
        const holds = verifyConsistency(size1, leaves.length, forgedPath, root1, rootAfter(forged));
        assert.equal(holds, !rewritesHistory);
      }),
    );
  });

  it("do not survive a flipped bit of their own", async () => {
    const leaves = Array.from({ length: 21 }, (_, index) => Buffer.from([index]));
    const path = await consistencyProof(13, 21, readerOver(leaves));
    for (const [position, sibling] of path.entries()) {
      const flipped = Buffer.from(sibling);
      flipped[position % 32] = (flipped[position % 32] ?? 0) ^ 0x10;
      assert.equal(
        verifyConsistency(13, 21, path.with(position, flipped), rootAfter(leaves, 13), rootAfter(leaves)),
        false,
      );
    }
  });
});
