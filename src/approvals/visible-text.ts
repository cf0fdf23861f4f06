// Text by others as people can judge it: what cannot be seen, or makes other text look different from what it is, is written
// out. Nothing is left out, and what was written out can be told from text that only looks like it.

/** Kept as they are: they are seen, and letters have them. */
const lineFeed = "\n";
const tab = "\t";

/**
 * Control, format and unassigned characters, lone surrogates, fillers and selectors that are drawn as nothing, blanks other
 * than the common one, marks that enclose or pile up, a blank where a line or all of it ends or begins; and what would look
 * like one of these written out.
 */
const unseen =
  /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\p{Me}]|(?! )\p{Zs}|^\p{M}|(?<=\p{M}{3})\p{M}|^ | (?=\n|$)|<(?=U\+[0-9A-F]+>)/gu;

/** As `<U+200B>`, whatever stands for itself stays. One line, unless `lines`: then it has those that the text has. */
export function visibleText(text: string, lines = false): string {
  return text.replace(unseen, (mark) =>
    lines && (mark === lineFeed || mark === tab) ? mark : `<U+${hex(mark)}>`,
  );
}

function hex(mark: string): string {
  return (mark.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}

/** Alphabets with letters that are drawn alike. */
const scripts = [
  ["Latin", /\p{Script=Latin}/u],
  ["Greek", /\p{Script=Greek}/u],
  ["Cyrillic", /\p{Script=Cyrillic}/u],
  ["Armenian", /\p{Script=Armenian}/u],
  ["Cherokee", /\p{Script=Cherokee}/u],
] as const;

/** Blocks of letters and digits that stand for common ones: superscripts, enclosed, full width, mathematical. */
const alike =
  /[\u00aa\u00b2\u00b3\u00b9\u00ba\u02b0-\u02e3\u1d2c-\u1d6a\u2070-\u209c\u2100-\u214f\u2160-\u2188\u2460-\u24ff\uff10-\uff5a\u{1d400}-\u{1d7ff}\u{1f100}-\u{1f1ff}\u{1fbf0}-\u{1fbf9}]/gu;

/** What somebody who reads it would not notice, in words; each once, with the first place where it is so. */
export function deceptions(text: string): readonly string[] {
  const found = new Map<string, string>();
  const note = (what: string, where: string): void => {
    if (!found.has(what)) found.set(what, where);
  };
  for (const [word] of text.matchAll(/[\p{L}\p{M}]{2,}/gu)) {
    if (/^[A-Za-z]+$/.test(word)) continue;
    const mixed = scripts.filter(([, letter]) => letter.test(word)).map(([name]) => name);
    if (mixed.length > 1) note(`a word mixes letters that are ${mixed.join(" and ")}`, word);
  }
  for (const [letter] of text.matchAll(alike)) {
    if (/^[A-Za-z0-9]$/.test(letter.normalize("NFKC")))
      note("a character looks like a common letter", letter);
  }
  return [...found].map(([what, where]) => `${what}: \`${visibleText(where)}\``);
}
