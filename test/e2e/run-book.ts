// The commands of a page in docs/, as an operator would copy them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const docs = resolve(import.meta.dirname, "../../docs");

/** The shell block under this heading. A heading that is gone or has another number of blocks fails the test. */
export function shellBlock(page: string, heading: string): string {
  const text = readFileSync(resolve(docs, page), "utf8");
  const [, section] = text.split(`### ${heading}\n`);
  assert.ok(section !== undefined, `${page} has no section ${heading}`);
  const [own = ""] = section.split(/^##/m);
  const blocks = [...own.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? "");
  assert.equal(blocks.length, 1, `${heading} in ${page} has one block`);
  return blocks[0] ?? "";
}
