// Letting go of a stream of which nobody is going to read more, so that its connection does not wait for a reader.

import type { ProviderAnswer } from "../providers/provider.ts";

export async function discard(answer: Extract<ProviderAnswer, { kind: "stream" }>): Promise<void> {
  await answer.chunks[Symbol.asyncIterator]().return?.();
}

/** How long the rest of a stream that has said all may take, and still leave its connection good for another call. */
const restMs = 1000;

/** Reads on to the end, for nobody and not for long: an answer that is complete does not wait for its connection. */
export function letRunOut(chunks: AsyncIterator<Buffer>): void {
  const timer = setTimeout(() => void chunks.return?.(), restMs);
  timer.unref();
  const drain = async (): Promise<void> => {
    for (let next = await chunks.next(); next.done !== true; ) next = await chunks.next();
  };
  drain()
    // However it breaks off now, the answer was whole.
    .catch(() => undefined)
    .finally(() => clearTimeout(timer));
}
