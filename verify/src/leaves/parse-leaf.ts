// Reads a stored leaf, trusting nothing: what the log serves must be the very form that was written.

import { fail, ok, type Result } from "../result.ts";
import { isCanonical, maxLeafBytes } from "./leaf.ts";
import { leafPatterns } from "./leaf-patterns.ts";
import { type Leaf, type LeafOf, leafSchema } from "./leaf-schema.ts";
import { leafTime } from "./leaf-time.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The leaf, or in words why these bytes are none. */
export function parseLeaf(bytes: Uint8Array): Result<Leaf, string> {
  if (bytes.length > maxLeafBytes) {
    return fail(`it has ${bytes.length} bytes, and an entry has at most ${maxLeafBytes}`);
  }
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(bytes);
    value = JSON.parse(text);
  } catch {
    return fail("it is not JSON in UTF-8");
  }
  const read = isPlainLeaf(value, text) ? ok(value) : readBySchema(value, bytes);
  if (!read.ok) return read;
  const broken = brokenPromise(read.value);
  return broken === null ? read : fail(broken);
}

/**
 * Whether the text is that of its type's pattern, which says all that the schema and the canonical form ask for: of millions
 * of leaves nearly every one, and five times faster. Nothing is refused because of it.
 */
function isPlainLeaf(value: unknown, text: string): value is Leaf {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  const { type } = value;
  const match = typeof type === "string" ? leafPatterns().get(type)?.exec(text) : null;
  if (match === null || match === undefined) return false;
  const [, record] = match;
  return record === undefined || ("facts" in value && isInOrder(value.facts, record));
}

/** What no pattern says of a record: that each member stands there once, and in its order (RFC 8785 §3.2.3). */
function isInOrder(record: unknown, text: string): boolean {
  let last = "";
  let members = 0;
  for (const name in record as object) {
    // JavaScript moves members that are numbers to the front, and the schema takes the last for no member at all.
    if (name < last || startsWithDigit.test(name) || name === "__proto__") return false;
    last = name;
    members += 1;
  }
  // Each member has one of these at least, and one that stands there twice is found once.
  for (let at = text.indexOf('":'); at !== -1; at = text.indexOf('":', at + 2)) members -= 1;
  return members === 0;
}

const startsWithDigit = /^[0-9]/;

function readBySchema(value: unknown, bytes: Uint8Array): Result<Leaf, string> {
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

/** What whoever writes leaves keeps to and the schema does not say; in words, or null. */
function brokenPromise(leaf: Leaf): string | null {
  if (leaf.id !== leaf.id.toLowerCase()) return "its id is not in lower case";
  const ahead = idTime(leaf.id) - leafTime(leaf.time);
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
