// Reads a stored leaf, trusting nothing: what the log serves must be the very form that was written.

import { fail, ok, type Result } from "../core/result.ts";
import { isCanonical } from "./leaf.ts";
import { type Leaf, leafSchema } from "./leaf-schema.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The leaf, or in words why these bytes are none. */
export function parseLeaf(bytes: Uint8Array): Result<Leaf, string> {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    return fail("it is not JSON in UTF-8");
  }
  const parsed = leafSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const place = issue === undefined || issue.path.length === 0 ? "" : ` at \`${issue.path.join(".")}\``;
    return fail(`it does not fit the schema${place}`);
  }
  return isCanonicalLeaf(bytes, parsed.data) ? ok(parsed.data) : fail("it is not in canonical form");
}

// A leaf with a lone surrogate passes the schema and has no canonical form.
function isCanonicalLeaf(bytes: Uint8Array, leaf: Leaf): boolean {
  try {
    return isCanonical(bytes, leaf);
  } catch {
    return false;
  }
}
