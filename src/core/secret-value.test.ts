import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { SecretValue } from "./secret-value.ts";

test("a secret takes up no more memory than it has bytes, for as long as it is kept", () => {
  for (const secret of [new SecretValue("sk-1234"), new SecretValue(Buffer.from("sk-1234"))]) {
    secret.useBytes((bytes) => assert.equal(bytes.buffer.byteLength, 7));
    assert.equal(
      secret.use((value) => value),
      "sk-1234",
    );
  }
});

test("what a secret was made from may be wiped afterwards", () => {
  const bytes = Buffer.from("sk-1234");
  const secret = new SecretValue(bytes);
  bytes.fill(0);
  assert.equal(
    secret.use((value) => value),
    "sk-1234",
  );
});

test("every way of turning a secret into text says `[secret]`", () => {
  const secret = new SecretValue("sk-1234");
  const texts = [`${secret}`, String(secret), JSON.stringify(secret), inspect(secret), inspect({ secret })];
  for (const text of texts) {
    assert.match(text, /\[secret\]/);
    assert.doesNotMatch(text, /sk-1234/);
  }
});
