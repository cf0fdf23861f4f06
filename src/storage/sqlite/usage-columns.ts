// The numbers of a row of usage, in the order of their columns.

export const sums = [
  "calls",
  "refused",
  "input_tokens",
  "cached_input_tokens",
  "output_tokens",
  "estimated",
  "cost_micro_usd",
  "unpriced",
] as const;

// A provider may report any number. A total that would leave the safe integers stays at the largest one: an absurd report
// must neither stop the counting nor make the totals unreadable.
export const most = Number.MAX_SAFE_INTEGER;
