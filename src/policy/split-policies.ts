// Where each policy of a file stands. Cedar returns the policies' texts without their places, so the file is cut at
// the same places here; the loader compares the pieces with Cedar's own.

export interface PolicySource {
  /** From the first annotation to the `;`. */
  readonly text: string;
  /** The same length as `text`, with comments and what stands in strings blanked: for finding words. */
  readonly code: string;
  /** Where the text starts in its file, in UTF-8 bytes. */
  readonly start: number;
}

/** `file` must be text that Cedar parses. In its grammar `;` ends a policy and has no other use outside strings and comments. */
export function splitPolicies(file: string): readonly PolicySource[] {
  const code = file.replace(stringOrComment, blank);
  const sources: PolicySource[] = [];
  let from = 0;
  let bytes = 0;
  for (let end = code.indexOf(";"); end >= 0; end = code.indexOf(";", from)) {
    const blanks = code.slice(from, end).search(/\S/);
    const start = blanks < 0 ? end : from + blanks;
    bytes += Buffer.byteLength(file.slice(from, start));
    const text = file.slice(start, end + 1);
    sources.push({ text, code: code.slice(start, end + 1), start: bytes });
    bytes += Buffer.byteLength(text);
    from = end + 1;
  }
  return sources;
}

/** The comments of any text of policies, in order, each from its slashes to the end of its line. */
export function commentsIn(text: string): readonly string[] {
  return (text.match(stringOrComment) ?? []).filter((piece) => piece.startsWith("//"));
}

const stringOrComment = /"(?:\\[\s\S]|[^"\\])*"|\/\/[^\n\r]*/g;

function blank(match: string): string {
  if (match.startsWith("//")) return " ".repeat(match.length);
  return `"${" ".repeat(match.length - 2)}"`;
}
