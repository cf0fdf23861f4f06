import assert from "node:assert/strict";
import { createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { test } from "node:test";
import { SealingKey } from "./sealing-key.ts";

const place = { label: "test", parts: ["ab", "ü"] };

test("what is sealed opens in its place only, and not with any bit changed", () => {
  const bytes = randomBytes(32);
  const key = new SealingKey(bytes);
  const sealed = key.seal(place, Buffer.from("value"));
  for (const same of [key, new SealingKey(bytes)])
    assert.equal(Buffer.from(same.unseal(place, sealed) ?? []).toString(), "value");
  for (const parts of [["a", "bü"], ["ab", "u"], ["ab"], ["ab", "ü", ""]])
    assert.equal(key.unseal({ label: "test", parts }, sealed), null);
  assert.equal(key.unseal({ ...place, label: "tesT" }, sealed), null);
  assert.equal(new SealingKey(randomBytes(32)).unseal(place, sealed), null);
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.equal(key.unseal(place, changed), null);
    assert.equal(key.unseal(place, sealed.subarray(0, at)), null);
  }
});

test("no nonce is used twice under a key, in this process or another with the same key", () => {
  const bytes = randomBytes(32);
  const used = new Set<string>();
  for (const key of [new SealingKey(bytes), new SealingKey(bytes)]) {
    for (let count = 0; count < 1_000; count += 1)
      used.add(Buffer.from(key.seal(place, Buffer.alloc(0)).subarray(0, 29)).toString("hex"));
  }
  assert.equal(used.size, 2_000);
});

test("a process that is set back with its memory takes other nonces for what it seals then", () => {
  const bytes = randomBytes(32);
  const [key, again] = [new SealingKey(bytes), new SealingKey(bytes)];
  const nonceOf = (by: SealingKey, id: string): string =>
    Buffer.from(by.seal({ label: "test", parts: [id] }, Buffer.alloc(0)).subarray(17, 29)).toString("hex");
  const [one, other] = [nonceOf(key, "entry 1"), nonceOf(again, "entry 2")];
  assert.equal(one.slice(16), "00000001");
  assert.equal(other.slice(16), "00000001");
  assert.notEqual(one.slice(0, 16), other.slice(0, 16));
});

test("anybody with the data key can open it as the format says", () => {
  const bytes = randomBytes(32);
  const sealed = Buffer.from(new SealingKey(bytes).seal(place, Buffer.from("value")));
  const key = createHmac("sha256", bytes)
    .update("portcullis/sealing-key/v1")
    .update(sealed.subarray(1, 17))
    .digest();
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(17, 29), { authTagLength: 16 });
  const size = Uint8Array.of(0, 0, 0, 2);
  decipher.setAAD(Buffer.concat([Buffer.from("test"), size, Buffer.from("ab"), size, Buffer.from("ü")]));
  decipher.setAuthTag(sealed.subarray(-16));
  const opened = Buffer.concat([decipher.update(sealed.subarray(29, -16)), decipher.final()]);
  assert.equal(opened.toString(), "value");
});
