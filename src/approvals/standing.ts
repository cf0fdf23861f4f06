// Votes as they count today: of those who may not give a sign-off any more, none counts for it, so that their places are free.

import type { Vote } from "./approval.ts";
import type { ApprovalRules, FallenVote } from "./ports.ts";

export interface StandingParts {
  readonly rules: Pick<ApprovalRules, "stands" | "isApprover">;
  /** Names by pseudonyms; null when erased. */
  readonly nameOf: (operator: string) => Promise<string | null>;
}

/** The same votes, each with the sign-offs that it counts for still. */
export async function standingVotes(
  { rules, nameOf }: StandingParts,
  votes: readonly Vote[],
): Promise<readonly Vote[]> {
  const standing: Vote[] = [];
  for (const vote of votes) {
    const name = rules.stands(vote.voter, vote.method) ? await nameOf(vote.voter) : null;
    const still = vote.sign_offs.filter((signOff) => name !== null && rules.isApprover(signOff, name));
    standing.push({ ...vote, sign_offs: still });
  }
  return standing;
}

export function fallenVotes(votes: readonly Vote[], standing: readonly Vote[]): readonly FallenVote[] {
  return votes.flatMap(({ voter, decision, sign_offs }, at) => {
    const still = standing[at]?.sign_offs ?? [];
    const signOffs = sign_offs.filter((one) => !still.includes(one));
    return decision === "approve" && signOffs.length > 0 ? [{ voter, signOffs }] : [];
  });
}
