// Letting go of a stream that nobody is going to read, so that its connection does not wait for a reader.

import type { ProviderAnswer } from "../providers/provider.ts";

export async function discard(answer: Extract<ProviderAnswer, { kind: "stream" }>): Promise<void> {
  await answer.chunks[Symbol.asyncIterator]().return?.();
}
