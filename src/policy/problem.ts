// What is wrong with a policy folder, said like a good compiler: where, the line itself, and what to do.

export interface PolicyProblem {
  /** Relative to the policy folder; the folder itself is `.`. */
  readonly file: string;
  /** From 1; null when the problem is not at one place. */
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
  readonly help: string | null;
  /** The source line, or null. */
  readonly source: string | null;
}

/** `offset` counts UTF-8 bytes, as Cedar does. */
export function problemAt(
  file: string,
  text: string,
  offset: number | null,
  message: string,
  help: string | null = null,
): PolicyProblem {
  if (offset === null) return { file, line: null, column: null, message, help, source: null };
  const before = Buffer.from(text, "utf8").subarray(0, offset).toString("utf8");
  const line = before.split("\n").length;
  const column = [...before.slice(before.lastIndexOf("\n") + 1)].length + 1;
  return { file, line, column, message, help, source: text.split("\n")[line - 1] ?? null };
}

export function formatProblem(problem: PolicyProblem): string {
  const { file, line, column, message, help, source } = problem;
  const place = line === null ? file : `${file}:${line}:${column ?? 1}`;
  const lines = [`${place}: ${message}`];
  if (source !== null && line !== null) {
    const margin = `${line} | `;
    lines.push(`  ${margin}${source}`, `  ${" ".repeat(margin.length + (column ?? 1) - 1)}^`);
  }
  if (help !== null) lines.push(`  help: ${help}`);
  return lines.join("\n");
}
