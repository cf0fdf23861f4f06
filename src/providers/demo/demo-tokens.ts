// How the demo model counts tokens: the same for the same text, and near enough to real ones to try budgets with.

export const bytesPerToken = 4;

export function demoTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / bytesPerToken);
}
