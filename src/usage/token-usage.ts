// What a provider says a call used, in the spellings that OpenAI-compatible servers have.

export interface TokenUsage {
  readonly input_tokens: number;
  /** Of the input tokens, those read from the provider's cache. */
  readonly cached_input_tokens: number;
  readonly output_tokens: number;
  /** Of the output tokens, those spent on reasoning. */
  readonly reasoning_tokens: number;
  readonly source: "provider" | "estimate" | "none";
}

/** The `usage` member of an answer or chunk; null when it is absent or not plausible. */
export function readTokenUsage(usage: unknown): TokenUsage | null {
  if (!isObject(usage)) return null;
  const input = count(usage["prompt_tokens"] ?? usage["input_tokens"]);
  if (input === null) return null;
  const output = count(usage["completion_tokens"] ?? usage["output_tokens"] ?? 0);
  if (output === null) return null;
  const inputDetails = usage["prompt_tokens_details"] ?? usage["input_tokens_details"];
  const outputDetails = usage["completion_tokens_details"] ?? usage["output_tokens_details"];
  return {
    input_tokens: input,
    cached_input_tokens: Math.min(input, detail(inputDetails, "cached_tokens")),
    output_tokens: output,
    reasoning_tokens: Math.min(output, detail(outputDetails, "reasoning_tokens")),
    source: "provider",
  };
}

/** More than any model's context by orders of magnitude: a larger number is a fault or a lie, and would poison sums. */
const plausible = 1_000_000_000;

function count(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= plausible
    ? value
    : null;
}

function detail(details: unknown, key: string): number {
  return isObject(details) ? (count(details[key]) ?? 0) : 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
