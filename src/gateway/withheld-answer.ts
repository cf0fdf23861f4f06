// What a client reads on an open stream in place of tool calls that were not released: an ordinary assistant message, so
// that no client needs to know of us to understand it.

import type { Refusal } from "../core/refusal.ts";
import { isObject } from "../facts/json-shape.ts";
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
    else events.push(...withoutChoices(held, withheld));
  }
  const text = withheldMessage(refusal, call);
  for (const index of withheld) {
    const choices = [{ index, delta: { content: text }, finish_reason: "stop" }];
    events.push(Buffer.from(`data: ${JSON.stringify({ ...inspection.naming, choices })}\n\n`));
  }
  return [...events, ...tail];
}

function withoutChoices(held: HeldEvent, withheld: ReadonlySet<number>): readonly Buffer[] {
  if (!held.choices.some((index) => withheld.has(index))) return [held.raw];
  if (held.chunk === null) return [];
  const listed: readonly unknown[] = Array.isArray(held.chunk["choices"]) ? held.chunk["choices"] : [];
  const kept = listed.filter((choice, position) => !withheld.has(indexOf(choice, position)));
  // Usage is not withheld: whoever asked for it gets it.
  if (kept.length === 0 && !isObject(held.chunk["usage"])) return [];
  return [Buffer.from(`data: ${JSON.stringify({ ...held.chunk, choices: kept })}\n\n`)];
}

function indexOf(choice: unknown, position: number): number {
  const index = isObject(choice) ? choice["index"] : position;
  return typeof index === "number" ? index : position;
}

/** For people: what was withheld, why, and where to look it up. */
export function withheldMessage(refusal: Refusal, call: string): string {
  switch (refusal.reason) {
    case "approval_required": {
      const reasons = refusal.policies.map((policy) => `${policy.reason} (${policy.id})`).join("; ");
      return `[Portcullis] The tool call ${quoted(refusal.tools)} was withheld: it needs a sign-off (${refusal.signOffs.join(", ")})${reasons === "" ? "" : `: ${reasons}`}. Nothing was done. Call: ${call}`;
    }
    case "tool_call_denied":
      return `[Portcullis] The tool call ${quoted(refusal.tools)} was withheld: ${refusal.detail}. Nothing was done. Call: ${call}`;
    default:
      return `[Portcullis] The tool calls of this answer were withheld (${refusal.reason}). Nothing was done. Call: ${call}`;
  }
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}
