// What both databases hold a hold against before they store it or change it.

import type {
  ApprovalCaps,
  ApprovalRow,
  ChangeOutcome,
  HoldChange,
  HoldRow,
} from "../../approvals/approval-store.ts";

/** The most that one list holds. */
export const maxListed = 1_000;

/** What one removal looks at, and about how much it removes: calls wait behind it. */
export const maxRemoved = 50;
const maxRemovedBytes = 4 * 1024 * 1024;

/** Approvals in the state `pending` that come to those of an application, or of one user of it. */
export interface AddedPending {
  readonly application: string;
  /** Null: whoever the user is. */
  readonly user: string | null;
  readonly added: number;
  /** Together with those that are there. */
  readonly atMost: number;
}

export function addedPending(approvals: readonly ApprovalRow[], caps: ApprovalCaps): readonly AddedPending[] {
  const pending = approvals.filter(({ state }) => state === "pending");
  return [...Map.groupBy(pending, ({ application }) => application)].flatMap(([application, all]) => [
    { application, user: null, added: all.length, atMost: caps.perApplication },
    ...[...Map.groupBy(all, ({ user }) => user)]
      .filter(([user]) => user !== null)
      .map(([user, own]) => ({ application, user, added: own.length, atMost: caps.perUser })),
  ]);
}

/** Throws on what is not the beginning of a hold, which would be a bug in who asks. */
export function refuseOddFiling(hold: HoldRow, approvals: readonly ApprovalRow[]): void {
  if (approvals.length === 0) throw new TypeError("a hold has an approval");
  if (hold.version !== 1 || approvals.some(({ revision }) => revision !== 1))
    throw new TypeError("a hold and its approvals begin with version and revision 1");
  if (new Set(approvals.map(({ id }) => id)).size !== approvals.length)
    throw new TypeError("each approval of a hold has an id of its own");
  refuseStrays(hold, approvals);
}

/** INVARIANT: approvals change under the version of their own hold, so none is stored with another one. */
export function refuseStrays({ id }: HoldRow, approvals: readonly ApprovalRow[]): void {
  if (approvals.some(({ hold }) => hold !== id)) throw strayApproval();
}

/** Those of the first that together are not too large, and the first of them however large it is. */
export function firstToRemove(
  found: readonly { readonly id: string; readonly bytes: number }[],
): readonly string[] {
  let sum = 0;
  const end = found.findIndex(({ bytes }, at) => {
    sum += bytes;
    return at > 0 && sum > maxRemovedBytes;
  });
  return found.slice(0, end === -1 ? undefined : end).map(({ id }) => id);
}

export function strayApproval(): TypeError {
  return new TypeError("an approval of another hold is not changed with this one");
}

/** The hold as it is before a change, with what the change depends on. */
export interface BeforeChange {
  /** Null when there is no such hold. */
  readonly version: number | null;
  readonly now: number;
  /** The active policy revision, or null. */
  readonly revision: string | null;
}

/** `changed` means that it is to be made. */
export function outcomeOf(change: HoldChange, before: BeforeChange): ChangeOutcome {
  if (before.version !== change.hold.version - 1) return "raced";
  if (change.from !== null && before.now < change.from) return "too_early";
  if (change.until !== null && before.now >= change.until) return "too_late";
  if (change.revision !== null && change.revision !== before.revision) return "policy_changed";
  return "changed";
}
