import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { SecretValue } from "../core/secret-value.ts";
import { approvalDigest, fingerprint, type SignedOff } from "./digest.ts";

const signed: SignedOff = {
  application: "assistant",
  user: "sub_1",
  call: "call_1",
  approval: "apr_1",
  revision: 1,
  kind: "action",
  source: "client",
  tool: "send_email",
  target: "up/m",
  effect: "write",
  toolDigest: "sha256:00",
  bytes: "00",
};

const changes: readonly Partial<SignedOff>[] = [
  { application: "other" },
  { user: "sub_2" },
  { user: null },
  { call: "call_2" },
  { approval: "apr_2" },
  { revision: 2 },
  { kind: "call" },
  { tool: "send_mail" },
  { tool: null },
  { target: "up/n" },
  { target: null },
  { effect: "read" },
  { effect: null },
  { toolDigest: "sha256:01" },
  { toolDigest: null },
  { bytes: "01" },
];

describe("what is signed off", () => {
  test("has another digest when any part of it is another", () => {
    const digests = [{}, ...changes].map((change) => approvalDigest({ ...signed, ...change }));
    assert.equal(new Set(digests).size, digests.length);
    for (const digest of digests) assert.match(digest, /^[0-9a-f]{64}$/);
  });

  test("has the same digest in whatever order it is put together", () => {
    const reversed = Object.fromEntries(Object.entries(signed).reverse());
    assert.equal(approvalDigest({ ...signed, ...reversed }), approvalDigest(signed));
  });
});

describe("a fingerprint", () => {
  const key = new SecretValue(Buffer.alloc(32, 1));
  const of = (bytes: string, change: Partial<SignedOff> = {}): string =>
    fingerprint(key, { ...signed, ...change }, bytes);

  test("is the same for the same arguments in whatever order they are written", () => {
    // Numbers that not everybody reads alike have no meaning besides their bytes.
    const exact = (_: string, one: unknown): unknown =>
      typeof one === "number" ? Math.trunc(one % 1000) : one;
    const value = fc.json({ maxDepth: 4 }).map((text): unknown => JSON.parse(text, exact));
    const reversed = (one: unknown): unknown => {
      if (Array.isArray(one)) return one.map(reversed);
      if (typeof one !== "object" || one === null) return one;
      const members = Object.entries(one).reverse();
      return Object.fromEntries(members.map(([name, member]) => [name, reversed(member)]));
    };
    fc.assert(
      fc.property(value, (one) => {
        assert.equal(of(JSON.stringify(one)), of(JSON.stringify(reversed(one), null, 2)));
      }),
    );
  });

  test("tells apart what means something else", () => {
    const texts = [
      ...["{}", "[]", "null", '""', "0", "1", '"1"', "", " ", "{"],
      ...['{"a":1}', '{"a":"1"}', '{"a":[1]}', '{"a":null}', '{"__proto__":1}', '{"__proto__":{"a":1}}'],
      ...['{"constructor":1}', "[1,2]", "[2,1]", "[[1],2]", "[1,[2]]", '{"a":{"b":1}}', '{"b":{"a":1}}'],
      // A reader with doubles takes these for one another.
      ...['{"n":9007199254740992}', '{"n":9007199254740993}', '{"n":1e400}', '{"n":1e500}', '{"n":null}'],
      ...['{"n":0.1}', '{"n":0.10000000000000001}'],
      // A free text in which two read something different.
      ...['{"a":1,"a":2}', '{"a":2}', '{"a":2,"a":1}'],
    ];
    assert.equal(new Set(texts.map((text) => of(text))).size, texts.length);
  });

  test("is the same for one number in two spellings", () => {
    assert.equal(of('{"n":1.50}'), of('{"n":15e-1}'));
  });

  test("is another for another principal, user, tool, target or schema, and under another key", () => {
    const own = of("{}");
    for (const change of [
      { application: "other" },
      { user: null },
      { tool: "x" },
      { target: null },
      { toolDigest: null },
    ])
      assert.notEqual(of("{}", change), own);
    assert.notEqual(fingerprint(new SecretValue(Buffer.alloc(32, 2)), signed, "{}"), own);
  });

  test("does not rest on call, approval and revision, which are others each time", () => {
    assert.equal(of("{}", { call: "call_2", approval: "apr_2", revision: 7 }), of("{}"));
  });

  test("comes of any text, however deep", () => {
    for (const text of ["[".repeat(200_000), `${"[".repeat(200_000)}${"]".repeat(200_000)}`]) {
      assert.match(of(text), /^[0-9a-f]{64}$/);
    }
  });
});
