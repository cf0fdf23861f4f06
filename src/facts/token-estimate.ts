// Rough token counts, for facts and for calls whose provider reports no usage. Always called an estimate: tokenizers
// differ by model, and a tokenizer's run over every prompt would cost more than the rest of the gate.

const bytesPerToken = 4;
/** Role and separators, as OpenAI's cookbook counts them. */
const tokensPerMessage = 4;
/** A 512-pixel image at low detail costs OpenAI's models 85 tokens; a larger one more. */
const tokensPerImage = 85;
/** About half a minute of speech. */
const tokensPerAudio = 300;
/** About a page of text. */
const tokensPerFile = 500;

export interface EstimateInput {
  /** UTF-8 bytes of all text: messages, tool definitions, tool results. */
  readonly textBytes: number;
  readonly messages: number;
  readonly images: number;
  readonly audios: number;
  readonly files: number;
}

/** Bytes by four, rounded up, and flat amounts for all else. The same input always gives the same estimate. */
export function estimateInputTokens(input: EstimateInput): number {
  return (
    Math.ceil(input.textBytes / bytesPerToken) +
    input.messages * tokensPerMessage +
    input.images * tokensPerImage +
    input.audios * tokensPerAudio +
    input.files * tokensPerFile
  );
}

/** `textBytes`: UTF-8 bytes of what the model wrote. */
export function estimateOutputTokens(textBytes: number): number {
  return Math.ceil(textBytes / bytesPerToken);
}
