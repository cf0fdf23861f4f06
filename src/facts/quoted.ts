// Text of others as it may stand in a message of ours: bounded, well-formed, in backticks.

export function quoted(text: string): string {
  return `\`${text.length > 64 ? `${text.slice(0, 64).toWellFormed()}…` : text.toWellFormed()}\``;
}
