// What a client is told of what waits, or did not come through, from what is kept of it.

import type { Approval } from "../../approvals/approval.ts";
import type { Part } from "../../approvals/releasing.ts";
import type { GatewayParts } from "../parts.ts";
import type { Unreleased, Waiting } from "./words.ts";

export function waitingParts(
  { holding }: Pick<GatewayParts, "holding">,
  approvals: readonly Approval[],
): readonly Waiting[] {
  return approvals.map((approval) => ({
    tool: approval.tool,
    signOffs: approval.required.map(({ name }) => name),
    reasons: [...new Set(approval.policies.map(({ reason }) => reason))],
    link: holding.link(approval.id),
  }));
}

export async function unreleasedOf(parts: GatewayParts, { approval, content }: Part): Promise<Unreleased> {
  const rejecter = approval.votes.findLast(({ decision }) => decision === "reject")?.voter;
  const ender = approval.revoked_by ?? rejecter;
  const by = ender === undefined ? null : await parts.holding.operatorName(ender);
  const said = ender === undefined ? null : (content?.reasons[ender] ?? null);
  const reason = approval.stale_because ?? said;
  return { tool: approval.tool, state: approval.state, by, reason };
}
