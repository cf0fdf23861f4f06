// Text for a terminal: in colour only there, and with nothing in it that would steer it.

import { styleText } from "node:util";

/** In colour on a terminal, else plain. `NO_COLOR` and `FORCE_COLOR` are kept to. */
export function styled(format: Parameters<typeof styleText>[0], text: string): string {
  return styleText(format, text, { stream: process.stdout });
}

/**
 * What clients, models and tools wrote, for a terminal: control characters would move its cursor or worse, and marks of
 * direction would show text in another order than it has, so they are written out.
 */
export function printable(text: string, lines = false): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (mark) =>
    lines && (mark === "\n" || mark === "\t") ? mark : `\\u{${mark.codePointAt(0)?.toString(16)}}`,
  );
}
