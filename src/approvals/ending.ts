// What ends an approval besides a vote: time, whoever asked for it, an operator, or policies that have become stricter.

import type { EncodedEntry } from "../core/entry.ts";
import { type Approval, current, type Hold, isSettled } from "./approval.ts";
import { type ApprovalEvent, nextState } from "./approval-states.ts";
import type { ApprovalEntries, Ender } from "./ports.ts";

/** Once all is decided, what was approved may be used for a while: for the shortest time that any of it has. */
export function settledAt(hold: Hold, now: number): Hold {
  if (hold.usable_until !== null || !isSettled(hold)) return hold;
  const approved = current(hold).filter(({ state }) => state === "approved");
  if (approved.length === 0) return hold;
  return { ...hold, usable_until: now + Math.min(...approved.map((approval) => approval.use_within_ms)) };
}

export interface Ended {
  readonly hold: Hold;
  readonly entries: readonly EncodedEntry[];
}

/** The hold with `event` having befallen those approvals for which it can; null when there are none. */
export function ended(
  entries: ApprovalEntries,
  hold: Hold,
  event: ApprovalEvent,
  by: Ender,
  now: number,
  options: { readonly only?: (approval: Approval) => boolean; readonly reason?: string | null } = {},
): Ended | null {
  const { only = () => true, reason = null } = options;
  const newest = new Set(current(hold).filter(only));
  const closed: EncodedEntry[] = [];
  const approvals = hold.approvals.map((approval) => {
    const state = newest.has(approval) ? nextState(approval.state, event) : null;
    if (state === null) return approval;
    const over = { ...approval, state, decided_at: approval.decided_at ?? now };
    closed.push(entries.closed(over, by, reason, hold.subject));
    return over;
  });
  return closed.length === 0 ? null : { hold: settledAt({ ...hold, approvals }, now), entries: closed };
}
