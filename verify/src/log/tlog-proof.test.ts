import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatTlogProof, parseTlogProof, type TlogProof } from "./tlog-proof.ts";

const hashLines = [
  "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=",
  "B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=",
];
// As in the example of c2sp.org/tlog-proof, which elides the signatures.
const checkpoint = `example.com/fancylog
109482
sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

— example.com/fancylog hI2DJwAAAAA=
— witness1.example mJirIgAAAAA=
`;
const example = `c2sp.org/tlog-proof@v1
extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ
index 73894
${hashLines.join("\n")}

${checkpoint}`;

test("proofs are read and written as in the specification", () => {
  const parsed = parseTlogProof(example);
  assert.ok(parsed.ok);
  assert.equal(parsed.value.index, 73_894);
  assert.deepEqual(
    parsed.value.path.map((hash) => Buffer.from(hash).toString("base64")),
    hashLines,
  );
  assert.equal(parsed.value.checkpoint, checkpoint);
  assert.equal(formatTlogProof(parsed.value), example);
});

test("a proof without extra data and without siblings has neither line", () => {
  const text = `c2sp.org/tlog-proof@v1\nindex 0\n\n${checkpoint}`;
  const proof = { extra: null, index: 0, path: [], checkpoint };
  assert.equal(formatTlogProof(proof), text);
  assert.deepEqual(parseTlogProof(text), { ok: true, value: proof });
});

test("each proof has one text, which leads back to it", () => {
  const bytes = (length: { readonly minLength: number; readonly maxLength: number }) =>
    fc.uint8Array(length).map((array) => Buffer.from(array));
  const proofs: fc.Arbitrary<TlogProof> = fc.record(
    {
      extra: fc.option(bytes({ minLength: 1, maxLength: 500 })),
      index: fc.maxSafeNat(),
      path: fc.array(bytes({ minLength: 32, maxLength: 32 }), { maxLength: 64 }),
      checkpoint: fc.string({ minLength: 1 }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(proofs, (proof) =>
      assert.deepEqual(parseTlogProof(formatTlogProof(proof)), { ok: true, value: proof }),
    ),
  );
});

test("other texts are none", () => {
  const hash = hashLines[0] ?? "";
  const broken: Readonly<Record<string, string>> = {
    "another version": example.replace("@v1", "@v2"),
    "another line end": example.replaceAll("\n", "\r\n"),
    "no index": example.replace("index 73894\n", ""),
    "an index with a zero before it": example.replace("73894", "073894"),
    "an index with a sign": example.replace("73894", "+73894"),
    "an index that is no number": example.replace("73894", ""),
    "an index beyond what is counted": example.replace("73894", "9007199254740992"),
    "two spaces": example.replace("index 73894", "index  73894"),
    "a space at the end": example.replace("index 73894", "index 73894 "),
    "extra data that is not base64": example.replace("YWdl", "YW\u00a0"),
    "extra data of nothing": example.replace(/extra .*/, "extra "),
    "extra data behind the index": example.replace(/(extra .*)\n(index .*)/, "$2\n$1"),
    "extra data twice": example.replace(/(extra .*)/, "$1\n$1"),
    "a short hash": example.replace(hash, hash.slice(4)),
    "a hash without padding": example.replace(hash, hash.slice(0, -1)),
    "a hash with bits to spare": example.replace(hash, `${hash.slice(0, -2)}R=`),
    "too many hashes": example.replace(hash, Array(64).fill(hash).join("\n")),
    "no empty line": example.replaceAll("\n\n", "\n"),
    "no checkpoint": example.slice(0, example.indexOf("\n\n") + 2),
    "an empty line first": `\n${example}`,
    nothing: "",
    "an endless line": `c2sp.org/tlog-proof@v1\nextra ${"A".repeat(5_000_000)}\n`,
  };
  for (const [what, text] of Object.entries(broken)) {
    const parsed = parseTlogProof(text);
    assert.ok(!parsed.ok, what);
    assert.match(parsed.failure, /^[a-z].*[^.]$/, what);
  }
});

test("what no proof can hold is not written", () => {
  const proof = { extra: null, index: 0, path: [], checkpoint };
  assert.throws(() => formatTlogProof({ ...proof, index: -1 }), RangeError);
  assert.throws(() => formatTlogProof({ ...proof, index: 0.5 }), RangeError);
  assert.throws(() => formatTlogProof({ ...proof, path: [Buffer.alloc(31)] }), RangeError);
  assert.throws(() => formatTlogProof({ ...proof, extra: new Uint8Array() }), RangeError);
});
