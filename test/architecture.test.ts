import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { architectureViolations } from "./architecture/violations.ts";
import { testFolder } from "./e2e/test-gateway.ts";

test("the source keeps the folder map and the import rule", () => {
  assert.deepEqual(architectureViolations(resolve(import.meta.dirname, "../src")), []);
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
  for (const [files, expected] of planted) {
    const root = testFolder();
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
    assert.match(architectureViolations(root).join("\n"), expected);
  }
});
