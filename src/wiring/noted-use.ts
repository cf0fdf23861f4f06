// Providers whose first use is put down before it happens: from then on the gateway's own token gives no vote.

import { fail } from "../core/result.ts";
import type { BootstrapVote } from "../identity/bootstrap-vote.ts";
import type { ModelProvider } from "../providers/provider.ts";

export type UseNote = Pick<BootstrapVote, "endKept" | "end">;

/** The demo model calls nobody, so its use is none. */
export function notingUse(provider: ModelProvider, note: UseNote): ModelProvider {
  if (provider.type === "demo" || note.endKept) return provider;
  const { name, type, models, asksForStreamUsage } = provider;
  return {
    name,
    type,
    models,
    asksForStreamUsage,
    send: (request) => (note.endKept ? provider.send(request) : sendNoted(provider, note, request)),
    close: () => provider.close(),
  };
}

async function sendNoted(
  provider: ModelProvider,
  note: UseNote,
  request: Parameters<ModelProvider["send"]>[0],
): ReturnType<ModelProvider["send"]> {
  try {
    await note.end("provider_used");
  } catch {
    return fail({
      reason: "unavailable",
      detail: "its first use could not be put down, so nothing was sent",
      unsent: true,
    });
  }
  return provider.send(request);
}
