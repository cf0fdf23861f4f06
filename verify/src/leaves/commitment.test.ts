import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { commitment, commitmentUnder, fieldSalt, newSalt, saltBytes } from "./commitment.ts";

/** The construction as the documentation states it, over the library's own HMAC. */
function documented(salt: Uint8Array, domain: string, field: string, value: Uint8Array): string {
  const sized = (part: string | Uint8Array) => {
    const bytes = Buffer.from(part);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const key = createHash("sha256")
    .update("portcullis/field-salt/v1")
    .update(salt)
    .update(sized(domain))
    .update(sized(field))
    .digest();
  return createHmac("sha256", key)
    .update("portcullis/commitment/v1")
    .update(sized(domain))
    .update(sized(field))
    .update(sized(value))
    .digest("hex");
}

const wellFormed = fc.string({ unit: "binary", maxLength: 60 });

describe("commitments", () => {
  it("are what the documentation says, over bytes and over text", () => {
    fc.assert(
      fc.property(wellFormed, wellFormed, wellFormed, (domain, field, text) => {
        const salt = newSalt();
        const bytes = Buffer.from(text);
        assert.equal(commitment(salt, domain, field, bytes), documented(salt, domain, field, bytes));
        assert.equal(commitment(salt, domain, field, text), documented(salt, domain, field, bytes));
      }),
    );
  });

  it("are right for values larger than the scratch buffer", () => {
    const salt = newSalt();
    for (const size of [3_900, 4_096, 5_000, 100_000]) {
      const value = Buffer.alloc(size, 7);
      assert.equal(
        commitment(salt, "call.decided", "request", value),
        documented(salt, "call.decided", "request", value),
      );
    }
  });

  it("hold still", () => {
    const salt = Buffer.alloc(saltBytes, 1);
    assert.equal(
      commitment(salt, "call.decided", "source_address", "127.0.0.1"),
      "08819150b6db215355a3eddbdd4ad7760572da619eebebea6ede50cdfb716a58",
    );
  });

  it("differ by salt, domain, field and value, and never run parts into each other", () => {
    const salt = newSalt();
    const all = [
      commitment(salt, "ab", "c", "d"),
      commitment(salt, "a", "bc", "d"),
      commitment(salt, "a", "b", "cd"),
      commitment(newSalt(), "ab", "c", "d"),
    ];
    assert.equal(new Set(all).size, all.length);
  });

  it("can be checked with the salt of one field alone", () => {
    const salt = newSalt();
    const disclosed = fieldSalt(salt, "call.decided", "request");
    assert.equal(
      commitmentUnder(disclosed, "call.decided", "request", "body"),
      commitment(salt, "call.decided", "request", "body"),
    );
    assert.notDeepEqual(disclosed, fieldSalt(salt, "call.decided", "source_address"));
  });

  it("refuse a salt of the wrong length", () => {
    assert.throws(() => commitment(Buffer.alloc(31), "a", "b", "c"), TypeError);
  });
});

describe("salts", () => {
  it("never repeat and never change after they were handed out", () => {
    const salts = Array.from({ length: 1_000 }, newSalt);
    const copies = salts.map((salt) => Buffer.from(salt).toString("hex"));
    for (let more = 0; more < 1_000; more += 1) newSalt();
    assert.equal(new Set(copies).size, 1_000);
    assert.deepEqual(
      salts.map((salt) => Buffer.from(salt).toString("hex")),
      copies,
    );
  });
});
