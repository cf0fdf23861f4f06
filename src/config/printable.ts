// Names from the file as they may stand in a message of ours: bounded, because a long one can be a secret in the wrong
// place, and without the control characters that a terminal would obey.

const most = 40;

/** In backticks. */
export function quoted(name: string): string {
  return `\`${printable(name)}\``;
}

/** The names in backticks, with commas. */
export function listed(names: readonly unknown[]): string {
  return names.map((name) => quoted(String(name))).join(", ");
}

export function printable(name: string): string {
  const cut = name.length > most ? `${name.slice(0, most)}…` : name;
  return cut
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`);
}
