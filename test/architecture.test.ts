import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { architectureViolations, verifierViolations } from "./architecture/violations.ts";
import { testFolder } from "./e2e/test-gateway.ts";

test("the source keeps the folder map and the import rule", () => {
  assert.deepEqual(architectureViolations(resolve(import.meta.dirname, "../src")), []);
});

test("the verifier imports nothing of the gateway", () => {
  assert.deepEqual(verifierViolations(resolve(import.meta.dirname, "../verify/src")), []);
});

test("each rule catches a planted violation", () => {
  const planted: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [
      { "core/a.ts": 'import { b } from "../audit/b.ts";', "audit/b.ts": "" },
      /core\/a\.ts may not import audit\/b\.ts/,
    ],
    [
      { "audit/a.ts": 'import type { B } from "../policy/b.ts";', "policy/b.ts": "" },
      /audit\/a\.ts may not import/,
    ],
    [
      { "gateway/a.ts": 'export { b } from "../http/b.ts";', "http/b.ts": "" },
      /gateway\/a\.ts may not import/,
    ],
    [
      { "http/a.ts": 'const b = await import("../storage/b.ts");', "storage/b.ts": "" },
      /http\/a\.ts may not import/,
    ],
    [{ "core/a.ts": 'import "./b.ts";', "core/b.ts": 'import type { A } from "./a.ts";' }, /cycle/],
    [{ "core/a.ts": "x;\n".repeat(301) }, /core\/a\.ts has 301 lines/],
    [{ "core/utils.ts": "" }, /core\/utils\.ts/],
    [{ "misc/a.ts": "" }, /misc\/a\.ts lies in no known folder/],
  ];
  for (const [files, expected] of planted)
    assert.match(architectureViolations(plantedIn(files)).join("\n"), expected);
});

test("each rule of the verifier catches a planted violation", () => {
  const planted: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [{ "rules/a.ts": 'import { b } from "../../../src/core/b.ts";' }, /rules\/a\.ts may not import/],
    [{ "rules/a.ts": 'import { b } from "undici";' }, /rules\/a\.ts may not import undici/],
    [
      { "log/a.ts": 'import type { B } from "../rules/b.ts";', "rules/b.ts": "" },
      /log\/a\.ts may not import/,
    ],
  ];
  for (const [files, expected] of planted)
    assert.match(verifierViolations(plantedIn(files)).join("\n"), expected);
});

function plantedIn(files: Readonly<Record<string, string>>): string {
  const root = testFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}
