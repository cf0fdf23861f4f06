// JSON within JSON: a tool call's arguments are text whose strings may spell what they say with escapes. Taken back here
// without being parsed, so that what is not quite JSON is looked through too, and nothing is built that costs more than text.

const escapes = /\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])/g;
const longest = 6;
const controls: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** `text` with every JSON escape (RFC 8259 §7) replaced by what it stands for. */
export function unescaped(text: string): string {
  return text.replace(escapes, meaning);
}

/** The same in pieces, each made of at most `length` characters of `text` (16 or more), so that no turn takes long. */
export function* unescapedPieces(text: string, length: number): Generator<string, void> {
  for (let at = 0; at < text.length; ) {
    const end = at + length < text.length ? pieceEnd(text, at, at + length) : text.length;
    yield unescaped(text.slice(at, end));
    at = end;
  }
}

function meaning(written: string): string {
  const kind = written.charAt(1);
  return kind === "u" ? String.fromCharCode(Number.parseInt(written.slice(2), 16)) : (controls[kind] ?? kind);
}

/** `end`, or the beginning of the escape that it would cut in two. `start` is in front of no half of one. */
function pieceEnd(text: string, start: number, end: number): number {
  const last = text.lastIndexOf("\\", end - 1);
  if (last < start || last <= end - longest) return end;
  let first = last;
  while (first > start && text.charAt(first - 1) === "\\") first -= 1;
  // Of backslashes in a row each second one is escaped by the one before it.
  if ((last - first) % 2 === 1) return end;
  const size = text.charAt(last + 1) === "u" ? longest : 2;
  return last + size <= end ? end : last;
}
