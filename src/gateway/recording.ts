// An entry of the trail on its way there, with the payload that is kept beside it once it is durable: of what is not on
// record nothing is kept.

import type { EncodedEntry } from "../core/entry.ts";
import type { GatewayParts } from "./parts.ts";

export interface Recording {
  readonly entry: EncodedEntry;
  /** Null when nothing is kept. */
  readonly payload: {
    /** Under whose key. */
    readonly subject: string;
    readonly fields: Readonly<Record<string, Uint8Array>>;
  } | null;
}

/** Resolves when all of them are durable, next to each other; rejects when none is in the log. */
export async function record(
  parts: Pick<GatewayParts, "trail" | "payloads">,
  recordings: readonly Recording[],
): Promise<void> {
  await parts.trail.append(recordings.map(({ entry }) => entry));
  for (const { entry, payload } of recordings) {
    if (payload !== null) parts.payloads.keep(entry.id, payload.subject, payload.fields);
  }
}
