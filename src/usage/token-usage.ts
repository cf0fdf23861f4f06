// What a provider says a call used, in the spellings that OpenAI-compatible servers have.
//
// OpenAI counts reasoning in `completion_tokens`, and `total_tokens` is prompt plus completion
// (https://platform.openai.com/docs/api-reference/chat/object). Others leave reasoning out of the completion and count it in
// the total alone, and bill it as output all the same:
//
// - xAI reports it in `completion_tokens_details.reasoning_tokens`: "counted separately from completion_tokens, but […]
//   counted in the total_tokens" (https://docs.x.ai/docs/key-information/consumption-and-rate-limits; measured in
//   https://github.com/vercel/ai/pull/12425: prompt 12, completion 1, reasoning 386, total 399).
// - Gemini's compatible endpoint reports no details: what it thought is only the difference (total 103 of prompt 9 and
//   completion 1 in https://discuss.ai.google.dev/t/127400; "output price (including thinking tokens)" in
//   https://ai.google.dev/gemini-api/docs/pricing).
//
// Anthropic's compatible endpoint leaves all details empty (https://platform.claude.com/docs/en/api/openai-sdk), and its
// output tokens hold what was thought, so there is no difference.

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
  const cached = detail(inputDetails, "cached_tokens") ?? 0;
  const reported = detail(outputDetails, "reasoning_tokens");
  const apart = reasoningApart(usage, input + output, cached, reported);
  return {
    input_tokens: input,
    cached_input_tokens: Math.min(input, cached),
    output_tokens: output + apart,
    reasoning_tokens: Math.min(output + apart, reported ?? apart),
    source: "provider",
  };
}

/**
 * Reasoning that is in the total and not in the output. Counted only where nothing else explains the difference, so that
 * nothing is counted twice: it is exactly the reasoning that was reported, or none was reported and it is not the cached
 * input, which some servers leave out of the input.
 */
function reasoningApart(
  usage: Readonly<Record<string, unknown>>,
  counted: number,
  cached: number,
  reported: number | null,
): number {
  // Embeddings have no completion: what their total holds besides the prompt (images, say) is no output.
  if ((usage["completion_tokens"] ?? usage["output_tokens"]) === undefined) return 0;
  const difference = (count(usage["total_tokens"]) ?? 0) - counted;
  if (difference <= 0) return 0;
  if (reported !== null) return difference === reported ? difference : 0;
  return difference === cached ? 0 : difference;
}

/** More than any model's context by orders of magnitude: a larger number is a fault or a lie, and would poison sums. */
const plausible = 1_000_000_000;

function count(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= plausible
    ? value
    : null;
}

function detail(details: unknown, key: string): number | null {
  return isObject(details) ? count(details[key]) : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
