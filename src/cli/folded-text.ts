// Text folded to the width of a terminal, so that none of it is outside and no line of it can pass for one of ours.

/** Columns of the terminal, or what most have: some say that they have none. */
export function terminalWidth(): number {
  const columns = process.stdout.isTTY ? process.stdout.columns : 0;
  return columns === 0 ? 100 : Math.max(40, columns);
}

/** Lines of at most `width` columns, broken between words where that is possible. Nothing is left out. */
export function folded(text: string, width: number): readonly string[] {
  return text.split("\n").flatMap((line) => foldedLine(line.replaceAll("\t", "    "), width));
}

function foldedLine(line: string, width: number): readonly string[] {
  const lines: string[] = [];
  let current = "";
  let columns = 0;
  for (const [piece] of line.matchAll(/ +|[^ ]+/g)) {
    const size = columnsOf(piece);
    if (columns + size <= width) {
      current += piece;
      columns += size;
      continue;
    }
    if (columns > 0 && size <= width) {
      lines.push(current);
      [current, columns] = [piece, size];
      continue;
    }
    for (const character of piece) {
      const one = columnsOf(character);
      if (columns + one > width) {
        lines.push(current);
        [current, columns] = ["", 0];
      }
      current += character;
      columns += one;
    }
  }
  return [...lines, current];
}

/** Wide ones take two columns; marks are counted as if they took one, which only folds earlier. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) {
    columns += wide.test(character) ? 2 : 1;
  }
  return columns;
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;
