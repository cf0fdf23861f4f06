import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { detect, detectInArguments } from "./detectors.ts";

function labels(text: string): string[] {
  const found = new Set<string>();
  detect(text, found);
  return [...found].sort();
}

// Put together here, so that no scanner takes this file for a leak.
const token = (prefix: string, length: number) => prefix + "aB3dE5gH7jK9mN1p".repeat(8).slice(0, length);

test("each label is found in the middle of a text", () => {
  for (const [label, samples] of Object.entries({
    "pii.email": ["ann@example.com", "a.b+c@mail.example.co.uk", "<x_y@a-b.io>"],
    "pii.credit_card": [
      "4111111111111111",
      "4111 1111 1111 1111",
      "5500-0000-0000-0004",
      "3782 822463 10005",
      "12 4111 1111 1111 1111",
    ],
    "pii.iban": [
      "DE89370400440532013000",
      "DE89 3704 0044 0532 0130 00",
      "GB82 WEST 1234 5698 7654 32",
      "BE68 5390 0754 7034 ASAP",
    ],
    "pii.us_ssn": ["123-45-6789"],
    "secret.anthropic_key": [token("sk-ant-api03-", 40)],
    "secret.aws_key": ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"],
    "secret.github_token": [token("ghp_", 36), token("github_pat_", 60)],
    "secret.gitlab_token": [token("glpat-", 20)],
    "secret.google_api_key": [token("AIza", 35)],
    "secret.jwt": ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"],
    "secret.openai_key": [token("sk-", 48), token("sk-proj-", 60)],
    "secret.portcullis_key": [token("pcl_", 40)],
    "secret.private_key": [
      "-----BEGIN PRIVATE KEY-----",
      "-----BEGIN RSA PRIVATE KEY-----",
      "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    ],
    "secret.slack_token": [token("xoxb-", 24), token("xapp-", 24)],
    "secret.stripe_key": [token("sk_live_", 24)],
  })) {
    for (const sample of samples) {
      assert.deepEqual(labels(`Here: ${sample}, and then ${sample}.`), [label], sample);
    }
  }
});

test("what only looks alike has no label", () => {
  for (const text of [
    "4111 1111 1111 1112",
    "at 1700000000000 ms",
    "DE89370400440532013001",
    "XX89370400440532013000",
    "000-12-3456 666-12-3456 2024-01-02-03",
    "sk-learn-something-very-long-and-plain",
    "user@host and @mention and a@b.1",
    "AKIA and ASIA",
    "-----BEGIN PUBLIC KEY-----",
    "eyJ.eyJ.x",
  ]) {
    assert.deepEqual(labels(text), [], text);
  }
});

test("a label is found again after a text without it", () => {
  assert.deepEqual(labels("ann@example.com"), ["pii.email"]);
  assert.deepEqual(labels("nothing"), []);
  assert.deepEqual(labels("ann@example.com"), ["pii.email"]);
});

test("arguments that spell a secret with escapes are still found", () => {
  const found = new Set<string>();
  detectInArguments('{"a":{"b":["x\\n\\u0041KIAIOSFODNN7EXAMPLE"]},"\\u0061nn@example.com":1}', found);
  assert.deepEqual([...found].sort(), ["pii.email", "secret.aws_key"]);
  detectInArguments("not \\ json", found);
});

test("every card number with its check digit is found, however it is grouped", () => {
  const digits = fc.array(fc.nat(9), { minLength: 14, maxLength: 14 });
  fc.assert(
    fc.property(digits, fc.constantFrom("", " ", "-"), (rest, separator) => {
      const body = [4, ...rest];
      const sum = body
        .toReversed()
        .map((digit, place) => (place % 2 === 0 ? digit * 2 : digit))
        .reduce((total, digit) => total + (digit > 9 ? digit - 9 : digit), 0);
      const number = [...body, (10 - (sum % 10)) % 10].join("");
      const written = number.match(/.{4}/g)?.join(separator) ?? "";
      assert.ok(labels(`pay 7 ${written} now`).includes("pii.credit_card"), written);
    }),
  );
});

test("hostile text takes time that grows with its length, not with its square", () => {
  const needs = " @ k- k-ant- yJ PRIVATE KEY - xox glpat- AIza AKIA _ k_live_";
  for (const piece of [
    "4444 ",
    "4",
    "AA00 ",
    "DE00 ",
    "A",
    "a",
    "a@",
    "a@a.",
    "sk-",
    "eyJ",
    "eyJaaaaaaaa-",
    "eyJaaaaaaaa.",
    "ghp_a",
    "-----BEGIN ",
    "123-45-",
  ]) {
    // Quadratic time would be minutes here.
    const text = piece.repeat(1_000_000 / piece.length) + needs;
    const started = performance.now();
    labels(text);
    assert.ok(performance.now() - started < 1500, piece);
  }
});
