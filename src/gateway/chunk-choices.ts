// Chunks of a stream taken apart by their choices: what is withheld of an answer is one choice, and an event may speak of
// several.

import { isObject, type JsonObject } from "../facts/json-shape.ts";

/** The index that a choice states, else its position, as clients count. */
export function choiceIndex(choice: unknown, position: number): number {
  const index = isObject(choice) ? choice["index"] : position;
  return typeof index === "number" ? index : position;
}

/**
 * What is left of an event without these choices: `whole` where it speaks of none of them, null where nothing is left.
 * `chunk` is the parsed event, where it speaks of more than one thing.
 */
export function withoutChoices(
  { choices, chunk }: { readonly choices: readonly number[]; readonly chunk: JsonObject | null },
  gone: ReadonlySet<number>,
): "whole" | JsonObject | null {
  if (!choices.some((index) => gone.has(index))) return "whole";
  if (chunk === null) return null;
  const listed: readonly unknown[] = Array.isArray(chunk["choices"]) ? chunk["choices"] : [];
  const kept = listed.filter((choice, position) => !gone.has(choiceIndex(choice, position)));
  // Usage is not withheld: whoever asked for it gets it.
  return kept.length === 0 && !isObject(chunk["usage"]) ? null : { ...chunk, choices: kept };
}

/** A chunk as an event of our own. */
export function chunkEvent(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}
