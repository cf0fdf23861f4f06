// An entry of the trail on its way there, with the payload that is kept beside it once it is durable: of what is not on
// record nothing is kept.

import type { EncodedEntry } from "../core/entry.ts";
import type { CallSteps } from "./call-steps.ts";
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

/** Resolves when all of them are durable, next to each other; rejects when none is in the log. `steps` follows the call. */
export async function record(
  parts: Pick<GatewayParts, "trail" | "payloads">,
  recordings: readonly Recording[],
  steps: CallSteps | null = null,
): Promise<void> {
  const entries = recordings.map(({ entry }) => entry);
  await (steps === null
    ? parts.trail.append(entries)
    : followed(steps, entries.length, parts.trail.append(entries)));
  for (const { entry, payload } of recordings) {
    if (payload !== null) parts.payloads.keep(entry.id, payload.subject, payload.fields);
  }
}

async function followed(steps: CallSteps, entries: number, appended: Promise<unknown>): Promise<void> {
  const since = performance.now();
  try {
    await appended;
    steps.recorded(entries, since, true);
  } catch (fault) {
    steps.recorded(entries, since, false);
    throw fault;
  }
}
