// Who may vote, and for what: what the sign-offs of an approval are counted by. It goes by the config in force, so a reload
// changes it at once.

import { groupsOf, isApprover, signOffsOf } from "../config/approvers.ts";
import type { Config } from "../config/schema.ts";
import type { BootstrapVote } from "../identity/bootstrap-vote.ts";
import type { BootstrapEnd } from "../identity/operator-store.ts";
import type { Operators } from "../identity/operators.ts";

export interface Voters {
  /**
   * Null when an operator who came in by this method may vote at all, else why not: people may, and the gateway's own token
   * (`bootstrap`) while nobody was invited and no provider but the demo model was used. Rejects when nobody can tell, which
   * is no vote either.
   */
  mayVote(operator: {
    readonly method: "bootstrap" | "token" | "passkey" | "session";
  }): Promise<BootstrapEnd | null>;
  isApprover(signOff: string, name: string): boolean;
  groupsOf(name: string): readonly string[];
  signOffsOf(name: string): readonly string[];
  /** Whether a person, by pseudonym, was invited and not removed since: what a vote given earlier is held against. */
  isEnrolled(person: string): boolean;
}

export function voters(
  operators: Pick<Operators, "isEnrolled">,
  bootstrapVote: Pick<BootstrapVote, "endedBy">,
  config: () => Pick<Config, "groups" | "sign_offs">,
): Voters {
  return {
    mayVote: async ({ method }) => (method === "bootstrap" ? bootstrapVote.endedBy() : null),
    isApprover: (signOff, name) => isApprover(config(), signOff, name),
    groupsOf: (name) => groupsOf(config(), name),
    signOffsOf: (name) => signOffsOf(config(), name),
    isEnrolled: (person) => operators.isEnrolled(person),
  };
}
