// What the admin API knows of operators: who sends a request, and the list of people.

import type { Voter } from "../approvals/ports.ts";
import { fail, ok } from "../core/result.ts";
import type { AdminFailure } from "../http/admin/admin-error.ts";
import type { OperatorServices, OperatorSummary } from "../http/admin/operators.ts";
import type { AdminServices } from "../http/admin-api.ts";
import type { BootstrapEnd } from "../identity/operator-store.ts";
import { fileOperator, isOperatorToken, type OperatorFile } from "../identity/operator-token.ts";
import type { ListedOperator, OperatorFailure } from "../identity/operators.ts";
import { shownTime, tokenState } from "./shown-token.ts";
import type { KnownOperators } from "./tokens.ts";
import type { Voters } from "./voters.ts";

export interface OperatorServiceParts {
  readonly known: KnownOperators;
  /** Filled in once the gateway listens; nobody is authenticated before. */
  readonly operatorHolder: { readonly file: OperatorFile | null };
  /** Whether what other gateways have changed is known here; while it is not, no token of a person counts. */
  readonly current: () => boolean;
}

export function authentication(parts: OperatorServiceParts): AdminServices["authenticate"] {
  const { known, operatorHolder, current } = parts;
  return async (token) => {
    const { file } = operatorHolder;
    if (file !== null && isOperatorToken(file, token))
      return ok({ name: file.operator, method: "bootstrap" });
    if (file === null || !token.startsWith("pco_")) return fail("unknown");
    if (!current()) return fail("unavailable");
    const operator = await known.operators.withToken(token);
    return operator === null ? fail("unknown") : ok(operator);
  };
}

export function operatorServices({ known }: OperatorServiceParts): OperatorServices {
  const { operators, bootstrapVote, voters } = known;
  const summary = (operator: ListedOperator): OperatorSummary => operatorSummary(operator, voters);
  return {
    list: async () => (await operators.list()).map(summary),
    ownToken: async () => {
      const barred = await voters.mayVote({ method: "bootstrap" });
      return { name: fileOperator, votes: barred === null, reason: barred === null ? null : ended(barred) };
    },
    invite: async (name, lifetimeMs, operator) => {
      const invited = await operators.invite(name, lifetimeMs, operator);
      if (!invited.ok) return fail(operatorFailure(invited.failure));
      // It is in the store; now beside the keys too.
      await bootstrapVote.endedBy();
      return ok({ ...summary(invited.value.operator), token: invited.value.token });
    },
    remove: async (name, operator) => {
      const removed = await operators.remove(name, operator);
      return removed.ok ? ok(summary(removed.value)) : fail(operatorFailure(removed.failure));
    },
  };
}

function operatorSummary(operator: ListedOperator, people: Voters): OperatorSummary {
  const { id, name, hint, createdAt, expiresAt, revokedAt } = operator;
  const state = tokenState(operator);
  return {
    id,
    name,
    hint,
    state: state === "revoked" ? "removed" : state,
    invited: shownTime(createdAt),
    expires: expiresAt === null ? null : shownTime(expiresAt),
    removed: revokedAt === null ? null : shownTime(revokedAt),
    groups: name === null ? [] : [...people.groupsOf(name)],
    sign_offs: name === null ? [] : [...people.signOffsOf(name)],
  };
}

/** Why who votes cannot vote on anything, in words, or null. */
export async function whyNoVote(voters: Pick<Voters, "mayVote">, voter: Voter): Promise<string | null> {
  const end = await voters.mayVote(voter);
  return end === null ? null : `the gateway's own token gives no sign-offs: ${ended(end)}`;
}

function ended(why: BootstrapEnd): string {
  switch (why) {
    case "operator_invited":
      return "people have been invited, and they vote";
    case "provider_used":
      return "another provider than the demo model has been used; invite who is to vote";
    case "unknown_use":
      return "this log was begun by a version that did not note which providers were used; invite who is to vote";
  }
}

function operatorFailure(failure: OperatorFailure): AdminFailure {
  const { name } = failure;
  switch (failure.reason) {
    case "no_address":
      return {
        code: "invalid_request",
        message: `\`${name}\` is no e-mail address; invite a person by the one that \`groups\` or \`sign_offs\` in portcullis.yaml list`,
      };
    case "of_the_file":
      return {
        code: "invalid_request",
        message: `\`${name}\` is whoever has the gateway's own token, and cannot be invited; invite a person by their e-mail address`,
      };
    case "unknown_operator":
      return {
        code: "not_found",
        message: `no operator \`${name}\` is enrolled; \`portcullis operators list\` shows who is`,
      };
    case "damaged":
      return {
        code: "conflict",
        message: `the token of \`${name}\` was changed in the data store, so it opens nothing and is left as it is; invite them again with \`portcullis operators invite\``,
      };
    case "raced":
      return {
        code: "conflict",
        message: `\`${name}\` was changed by others at the same time; look with \`portcullis operators list\` and try again`,
      };
  }
}
