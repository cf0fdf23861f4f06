// What the admin API does with approvals, by the desk.

import { type Approval, current, type Hold, type ListedApproval } from "../approvals/approval.ts";
import type { ApprovalDesk } from "../approvals/desk.ts";
import type { EditFailure } from "../approvals/editing.ts";
import { signOffsOf, viewDigest } from "../approvals/view.ts";
import { rfc3339 } from "../core/clock.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { AdminFailure } from "../http/admin/admin-error.ts";
import type { ApprovalQuery, ApprovalServices, ApprovalSummary } from "../http/admin/approvals.ts";
import { type EntryLog, type EntrySearch, searchEntries } from "../http/admin/entry-search.ts";
import { approvalFailure, removedApproval } from "./approval-failures.ts";
import { type ViewSources, viewOf } from "./approval-views.ts";

export interface ApprovalServiceParts extends Omit<ViewSources, "desk"> {
  readonly desk: ApprovalDesk;
  /** The trail, which keeps what the desk does not. */
  readonly log: EntryLog;
}

/** Read from the store at a time: arguments can be large. */
const batch = 20;
/** Stretches of the trail in which one that is not there is looked for: more than any load records in a minute or two. */
const maxStretches = 10;
/** Of arguments on one page. */
const pageBytes = 4 * 1024 * 1024;

export function approvalServices(parts: ApprovalServiceParts): ApprovalServices {
  const { desk } = parts;
  const told = async (id: string, done: Result<Approval, EditFailure>) => {
    if (!done.ok) return fail(await failureOf(parts, id, done.failure));
    return ok(await summaryOf(desk, done.value));
  };
  return {
    list: (query) => pageOf(desk, query),
    show: async (id, operator) => {
      const found = await newest(desk, id);
      if (found === null) return fail(await failureOf(parts, id, { reason: "unknown_approval" }));
      const view = await viewOf(parts, found.hold, found.approval);
      if (!view.ok) return fail(approvalFailure(id, { reason: view.failure }));
      // INVARIANT: of the very revision that the view shows. Its digest is what whoever saw the view decides on.
      const approval = await summaryWith(desk, found.hold, found.approval);
      const shown = viewDigest(view.value);
      // INVARIANT: nobody is shown it before that is on record.
      await desk.viewed(found.approval, shown, operator);
      return ok({ approval, view: view.value, shown });
    },
    vote: async (id, voter, ballot) => told(id, await desk.vote(id, voter, ballot)),
    edit: async (id, voter, edit) => told(id, await desk.edit(id, voter, edit)),
    revoke: async (id, voter, reason) => told(id, await desk.revoke(id, voter, reason)),
  };
}

async function failureOf(
  { log }: ApprovalServiceParts,
  id: string,
  failure: EditFailure,
): Promise<AdminFailure> {
  const isRemoved = failure.reason === "unknown_approval" && (await wasAskedFor(log, id));
  return isRemoved ? removedApproval(id) : approvalFailure(id, failure);
}

async function wasAskedFor(log: EntryLog, approval: string): Promise<boolean> {
  const query = { type: "approval.requested", call: null, approval, order: "oldest", limit: 1 } as const;
  let from: number | null = 0;
  for (let stretch = 0; stretch < maxStretches && from !== null; stretch += 1) {
    const found: EntrySearch = await searchEntries(log, { ...query, from, to: Number.MAX_SAFE_INTEGER });
    if (found.entries.length > 0) return true;
    from = found.next;
  }
  return false;
}

async function newest(
  desk: ApprovalDesk,
  id: string,
): Promise<{ readonly hold: Hold; readonly approval: Approval } | null> {
  const hold = await desk.holdOfApproval(id);
  const approval = hold === null ? undefined : current(hold).find((one) => one.id === id);
  return hold === null || approval === undefined ? null : { hold, approval };
}

async function pageOf(
  desk: ApprovalDesk,
  { states, prefix, after, limit }: ApprovalQuery,
): ReturnType<ApprovalServices["list"]> {
  const items: ApprovalSummary[] = [];
  let bytes = 0;
  let last = after > prefix ? after : prefix;
  while (items.length < limit && bytes < pageBytes) {
    const count = Math.min(batch, limit - items.length);
    const rows = await desk.list({ ...(states === null ? {} : { states }), after: last, limit: count });
    for (const row of rows) {
      if (!row.id.startsWith(prefix)) return { items, next: null };
      const item = await summaryOf(desk, row);
      items.push(item);
      bytes += item.arguments?.length ?? 0;
      last = row.id;
    }
    if (rows.length < count) return { items, next: null };
  }
  return { items, next: last };
}

/** Arguments are there when the hold they belong to is as we wrote it. */
async function summaryOf(desk: ApprovalDesk, listed: ListedApproval): Promise<ApprovalSummary> {
  const found = await newest(desk, listed.id);
  return found === null ? summary(listed, null) : summaryWith(desk, found.hold, found.approval);
}

async function summaryWith(desk: ApprovalDesk, hold: Hold, approval: Approval): Promise<ApprovalSummary> {
  const content = await desk.contentOf(hold, approval);
  return summary(approval, content?.bytes ?? null);
}

function summary(approval: ListedApproval, bytes: string | null): ApprovalSummary {
  const { id, revision, state, digest, kind, tool, target, effect, application, user, call, hold } = approval;
  return {
    ...{ id, revision, state, digest, kind, tool, target, effect, application, user, call, hold },
    sign_offs: signOffsOf(approval),
    requested: rfc3339(approval.createdAt),
    expires: rfc3339(approval.expires_at),
    arguments: bytes,
  };
}
