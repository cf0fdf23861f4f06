// What is wrong with a policy folder, said like a good compiler: where, the line itself, and what to do.

export interface PolicyProblem {
  /** Relative to the policy folder; the folder itself is `.`, and what no file holds is named in words. */
  readonly file: string;
  /** From 1, the column in characters; null when the problem is not at one place. */
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
  readonly help: string | null;
  /** The source line, or null. */
  readonly source: string | null;
}

/** `offset` counts UTF-8 bytes of `text`, as Cedar does; null when the problem is not at one place. */
export function problemAt(
  file: string,
  text: string,
  offset: number | null,
  message: string,
  help: string | null = null,
): PolicyProblem {
  if (offset === null) return { file, line: null, column: null, message, help, source: null };
  const before = Buffer.from(text, "utf8").subarray(0, offset).toString("utf8");
  const lines = before.split(lineEnd);
  const line = lines.length;
  const column = Array.from(lines.at(-1) ?? "").length + 1;
  return { file, line, column, message, help, source: text.split(lineEnd)[line - 1] ?? null };
}

export function formatProblem(problem: PolicyProblem): string {
  const { file, line, column, message, help, source } = problem;
  if (line === null || column === null) return [`${file}: ${message}`, ...helpLines(help)].join("\n");
  const lines = [`${file}:${line}:${column}: ${message}`];
  if (source !== null) {
    const margin = `${line} | `;
    // Tabs stay tabs, so that the caret stands where the terminal puts the character.
    const indent = Array.from(source)
      .slice(0, column - 1)
      .map((character) => (character === "\t" ? "\t" : " "));
    lines.push(`  ${margin}${printable(source)}`, `  ${" ".repeat(margin.length)}${indent.join("")}^`);
  }
  return [...lines, ...helpLines(help)].join("\n");
}

const lineEnd = /\r\n|\n|\r/;

function helpLines(help: string | null): readonly string[] {
  return help === null ? [] : [`  help: ${help}`];
}

// A terminal obeys control characters, and a reader is deceived by those that turn the direction of text.
function printable(source: string): string {
  return source.replace(/[^\P{C}\t]/gu, "\u{fffd}");
}
