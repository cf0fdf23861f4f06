// Reads a stored leaf, trusting nothing: what the log serves must be the very form that was written.

import { fail, ok, type Result } from "../result.ts";
import { isCanonical, maxLeafBytes } from "./leaf.ts";
import { type Leaf, type LeafOf, leafSchema } from "./leaf-schema.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The leaf, or in words why these bytes are none. */
export function parseLeaf(bytes: Uint8Array): Result<Leaf, string> {
  if (bytes.length > maxLeafBytes) {
    return fail(`it has ${bytes.length} bytes, and an entry has at most ${maxLeafBytes}`);
  }
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
  const leaf = parsed.data;
  if (!isCanonicalLeaf(bytes, leaf)) return fail("it is not in canonical form");
  const broken = brokenPromise(leaf);
  return broken === null ? ok(leaf) : fail(broken);
}

// A leaf with a lone surrogate passes the schema and has no canonical form.
function isCanonicalLeaf(bytes: Uint8Array, leaf: Leaf): boolean {
  try {
    return isCanonical(bytes, leaf);
  } catch {
    return false;
  }
}

/** What whoever writes leaves keeps to and the schema does not say; in words, or null. */
function brokenPromise(leaf: Leaf): string | null {
  if (leaf.id !== leaf.id.toLowerCase()) return "its id is not in lower case";
  const ahead = idTime(leaf.id) - Date.parse(leaf.time);
  if (ahead < 0 || ahead > maxIdAheadMs) return "its id was not made at its time";
  if ("call" in leaf && leaf.call === "") return "its call has no id";
  return leaf.type === "call.completed" ? brokenUsage(leaf) : null;
}

/**
 * An id is never of a time before its leaf's. It may be of a later one: the ids of a process only ever go forward
 * (core/id.ts), so they run ahead of a clock that is set back, and by a millisecond where thousands are made in one.
 */
const maxIdAheadMs = 366 * 86_400_000;

/** Milliseconds since the epoch that a UUIDv7 was made at (RFC 9562 §5.7). */
function idTime(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

function brokenUsage({ usage }: LeafOf<"call.completed">): string | null {
  if (usage.cached_input_tokens > usage.input_tokens) return "more input is from the cache than there is";
  if (usage.reasoning_tokens > usage.output_tokens) return "more output is reasoning than there is";
  return null;
}
