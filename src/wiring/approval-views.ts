// Gathers what a view of an approval is made of: contents and names are opened, the catalog is asked why, the turn is looked
// at for what else is in it.

import { type Approval, type ApprovalContent, current, type Hold } from "../approvals/approval.ts";
import type { ApprovalDesk } from "../approvals/desk.ts";
import { approvalView } from "../approvals/view.ts";
import type { ApprovalView } from "../approvals/view-schema.ts";
import type { Subjects } from "../audit/subjects.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { turnBeside } from "../gateway/held/turn-beside.ts";
import type { GatewayParts } from "../gateway/parts.ts";

export interface ViewSources {
  readonly desk: Pick<ApprovalDesk, "answerOf" | "contentOf" | "past" | "now">;
  readonly subjects: Pick<Subjects, "nameOf">;
  readonly gateway: () => Pick<GatewayParts, "catalog">;
}

/** How far back similar ones are looked for. */
const pastMs = 30 * 24 * 60 * 60 * 1000;

/** Of the newest revision of the approval `id`, which the hold has. `damaged` when it cannot be opened. */
export async function viewOf(
  sources: ViewSources,
  hold: Hold,
  approval: Approval,
): Promise<Result<ApprovalView, "damaged">> {
  const { desk } = sources;
  const contents = new Map<Approval, ApprovalContent>();
  for (const one of hold.approvals) {
    const content = await desk.contentOf(hold, one);
    if (content !== null) contents.set(one, content);
  }
  const answer = await desk.answerOf(hold);
  if (answer === null || !contents.has(approval)) return fail("damaged");
  const now = await desk.now();
  const since = now - pastMs;
  return ok(
    approvalView({
      hold,
      approval,
      contents,
      names: await namesOf(sources, hold, approval),
      effectBasis: effectBasis(sources, approval),
      beside: turnBeside(answer, current(hold)),
      past: { since, states: await desk.past(approval, since) },
      now,
    }),
  );
}

async function namesOf(
  { subjects }: ViewSources,
  hold: Hold,
  { id, user, key_creator: creator }: Approval,
): Promise<ReadonlyMap<string, string | null>> {
  const revisions = hold.approvals.filter((one) => one.id === id);
  const people = new Set([
    ...(user === null ? [] : [user]),
    ...(creator === null ? [] : [creator]),
    ...revisions.flatMap(({ editors, votes }) => [...editors, ...votes.map(({ voter }) => voter)]),
  ]);
  const named = [...people].map(async (one) => [one, (await subjects.nameOf(one))?.name ?? null] as const);
  return new Map(await Promise.all(named));
}

function effectBasis({ gateway }: ViewSources, approval: Approval): string | null {
  const { tool, tool_digest: digest, effect } = approval;
  if (tool === null) return null;
  const offered =
    digest === null ? undefined : { kind: "function" as const, digest: () => digest, parameters: null };
  const classified = gateway().catalog.classify(tool, offered);
  const basis = basisText(classified.basis, classified.effect);
  return classified.effect === effect ? basis : `${basis}; it was another when this was asked for`;
}

function basisText(basis: "uncatalogued" | "catalog" | "unpinned" | "drift", effect: string): string {
  switch (basis) {
    case "uncatalogued":
      return "`tools` in the config does not list it, so it counts as write";
    case "catalog":
      return `\`tools\` in the config says ${effect}`;
    case "unpinned":
      return "`tools` in the config says read, but of no particular definition, so it counts as write";
    case "drift":
      return "its definition is not the one that `tools` in the config speaks of, so it counts as write";
  }
}
