// What a client reads on an open stream in place of tool calls that were not released: an ordinary assistant message, so
// that no client needs to know of us to understand it.

import type { Refusal } from "../core/refusal.ts";
import { chunkEvent, withoutChoices } from "./chunk-choices.ts";
import type { HeldEvent, StreamInspection } from "./stream-inspection.ts";

/** The events that take the place of the held ones: other choices as they are, the tool-bearing ones ended by a message. */
export function withheldEvents(
  inspection: StreamInspection,
  refusal: Refusal,
  call: string,
): readonly Buffer[] {
  const withheld = new Set(inspection.toolChoices);
  const events: Buffer[] = [];
  const tail: Buffer[] = [];
  for (const held of inspection.held) {
    if (held.choices.length === 0) tail.push(held.raw);
    else events.push(...leftOf(held, withheld));
  }
  const text = withheldMessage(refusal, call);
  for (const index of withheld) {
    const choices = [{ index, delta: { content: text }, finish_reason: "stop" }];
    events.push(Buffer.from(chunkEvent({ ...inspection.naming, choices })));
  }
  return [...events, ...tail];
}

function leftOf(held: HeldEvent, gone: ReadonlySet<number>): readonly Buffer[] {
  const left = withoutChoices(held, gone);
  if (left === null) return [];
  return [left === "whole" ? held.raw : Buffer.from(chunkEvent(left))];
}

/** For people: what was withheld, why, and where to look it up. */
function withheldMessage(refusal: Refusal, call: string): string {
  switch (refusal.reason) {
    case "tool_call_denied":
      return `[Portcullis] The tool call ${quoted(refusal.tools)} was withheld: ${refusal.detail}. Nothing was done. Call: ${call}`;
    default:
      return `[Portcullis] The tool calls of this answer were withheld (${refusal.reason}). Nothing was done. Call: ${call}`;
  }
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}
