import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nearName } from "./near-name.ts";

const names = ["server", "data", "keys", "policies", "providers", "models", "sign_offs", "log", "api_key"];

test("typing errors, other habits of writing and beginnings lead to the name that was meant", () => {
  const meant: readonly (readonly [written: string, name: string])[] = [
    ["sever", "server"],
    ["sevrer", "server"],
    ["servers", "server"],
    ["model", "models"],
    ["polices", "policies"],
    ["provider", "providers"],
    ["signoffs", "sign_offs"],
    ["sign-offs", "sign_offs"],
    ["SignOffs", "sign_offs"],
    ["apiKey", "api_key"],
    ["api_key_file", "api_key"],
    ["date", "data"],
    ["Log", "log"],
    ["logs", "log"],
  ];
  for (const [written, name] of meant) assert.equal(nearName(written, names), name, written);
});

test("what is near to nothing has no suggestion, and neither have very long or empty names", () => {
  for (const written of [
    "xyz",
    "l",
    "",
    "___",
    "connectors",
    "metrics",
    "s".repeat(41),
    "serverserver".repeat(9),
  ]) {
    assert.equal(nearName(written, names), null, written);
  }
  assert.equal(nearName("data", []), null);
});

test("a name is its own nearest, whatever stands beside it", () => {
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.shuffledSubarray(names), (name, others) => {
      assert.equal(nearName(name, [...others, name]), name);
    }),
  );
});

test("one character added, left out, replaced or swapped is near to a name of four and more", () => {
  const long = names.filter((name) => name.length >= 4);
  fc.assert(
    fc.property(fc.constantFrom(...long), fc.nat(), fc.constantFrom("q", "7"), (name, seed, other) => {
      const at = seed % (name.length - 1);
      const [before, one = "", two = "", after] = [
        name.slice(0, at),
        name[at],
        name[at + 1],
        name.slice(at + 2),
      ];
      for (const written of [
        `${before}${other}${one}${two}${after}`,
        `${before}${two}${after}`,
        `${before}${other}${two}${after}`,
        `${before}${two}${one}${after}`,
      ]) {
        assert.equal(nearName(written, [name]), name, written);
      }
    }),
  );
});
