import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { foldedKey } from "./folded-key.ts";

const names: ReadonlySet<string> = new Set([
  "model",
  "max_tokens",
  "stream",
  "tool_choice",
  "input",
  "no-log",
]);

function first(...keys: readonly string[]): string | null {
  return foldedKey(Object.fromEntries(keys.map((key) => [key, 1])), names);
}

test("a key that a reader without regard for case takes for a known name is found", () => {
  for (const key of [
    "Model",
    "MODEL",
    "Max_Tokens",
    "max_to\u212aens",
    "\u017ftream",
    "TOOL_CHOICE",
    "ｍodel",
    "ınput",
    "İnput",
    "No-Log",
  ]) {
    assert.equal(first("model", key, "stream"), key);
  }
});

test("known names, and names that fold to none, are left alone", () => {
  for (const key of [
    "model",
    "mode",
    "Other",
    "modèle",
    "модель",
    "__proto__",
    "toString",
    "",
    "max tokens",
  ]) {
    assert.equal(first(key), null, key);
  }
  assert.equal(first("One", "ONE"), null, "two unknown keys may fold to each other");
  assert.equal(foldedKey(JSON.parse('{"__proto__":{"Model":1}}'), names), null);
});

test("what Go's encoding/json reads as a known name is never overlooked", () => {
  // Unicode's simple folding has two letters outside ASCII that fold into it.
  const variants = (letter: string): string[] => [
    letter,
    letter.toUpperCase(),
    ...(letter === "s" ? ["\u017f"] : letter === "k" ? ["\u212a"] : []),
  ];
  const spelled = fc
    .constantFrom(...names)
    .chain((name) =>
      fc.tuple(
        fc.constant(name),
        fc.tuple(...Array.from(name, (letter) => fc.constantFrom(...variants(letter)))),
      ),
    );
  fc.assert(
    fc.property(spelled, ([name, letters]) => {
      const key = letters.join("");
      assert.equal(first(key), key === name ? null : key);
    }),
  );
});

test("a key of any length costs little", () => {
  const started = performance.now();
  assert.equal(first(`Model${"\u0307".repeat(20_000_000)}`), null);
  assert.ok(performance.now() - started < 500);
});
