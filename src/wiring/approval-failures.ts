// What whoever decides is told when it does not count: why, and what to do next.

import type { EditFailure } from "../approvals/editing.ts";
import { visibleText } from "../approvals/visible-text.ts";
import type { AdminFailure } from "../http/admin/admin-error.ts";

const again = (id: string): string => `look at it again with \`portcullis approvals show ${id}\``;

export function approvalFailure(id: string, failure: EditFailure): AdminFailure {
  switch (failure.reason) {
    case "unknown_approval":
      return {
        code: "not_found",
        message: `there is no approval \`${id}\`; \`portcullis approvals list\` shows what waits`,
      };
    case "damaged":
      return {
        code: "conflict",
        message: `what waits as \`${id}\` cannot be opened: it was changed in the data store, or its user was erased; nothing of it will be released, so have it asked for again`,
      };
    case "not_pending":
      return failure.state === "expired" ? expired(id) : over(id, failure.state);
    case "expired":
      return expired(id);
    case "superseded":
      return {
        code: "conflict",
        message: `\`${id}\` was edited, and its revision ${failure.revision} is what waits now; ${again(id)} and decide on that`,
      };
    case "other_digest":
      return {
        code: "conflict",
        message: `this digest is not that of \`${id}\`; ${again(id)} and decide on what you see`,
      };
    case "voted_before":
      return { code: "conflict", message: `you have voted on \`${id}\` before, and each person counts once` };
    case "busy":
      return {
        code: "unavailable",
        message: `\`${id}\` was changed by others again and again, and nothing of yours was done; try again`,
      };
    case "undescribable":
      return {
        code: "invalid_request",
        message: `\`${id}\` cannot be changed to this: ${visibleText(failure.detail)}`,
      };
    default:
      return notTheirs(id, failure);
  }
}

type WhoFailure = Extract<
  EditFailure,
  { readonly reason: "editor" | "not_an_approver" | "policy_denied" | "may_not_vote" }
>;

function notTheirs(id: string, failure: WhoFailure): AdminFailure {
  const forbidden = (message: string): AdminFailure => ({ code: "forbidden", message });
  switch (failure.reason) {
    case "editor":
      return forbidden(
        `you have edited \`${id}\`, and whoever wrote something does not decide on it; ask another approver`,
      );
    case "not_an_approver":
      return forbidden(
        `you give none of the sign-offs that \`${id}\` needs (${failure.signOffs.join(", ")}); \`sign_offs\` in portcullis.yaml lists who does`,
      );
    case "policy_denied":
      return forbidden(
        `policy does not let you decide on \`${id}\`: ${rulingText(failure)}; ask another approver`,
      );
    case "may_not_vote":
      return forbidden(failure.detail);
  }
}

function rulingText({ ruling }: Extract<WhoFailure, { readonly reason: "policy_denied" }>): string {
  const said = ruling.policies.map(({ id, reason }) => `${reason} (\`${id}\`)`);
  if (said.length > 0) return said.join(", ");
  return ruling.detail ?? "no policy permits `approve`";
}

/** It is on the trail and not at the desk. */
export function removedApproval(id: string): AdminFailure {
  return {
    code: "gone",
    message: `\`${id}\` is not kept any more: what has been over for as long as \`approvals.keep_decided\` says is removed; its entries stay, and \`portcullis audit list --approval ${id}\` shows them`,
  };
}

function expired(id: string): AdminFailure {
  return {
    code: "gone",
    message: `\`${id}\` was not decided in time and has expired; the application has to ask again`,
  };
}

function over(id: string, state: string): AdminFailure {
  return {
    code: "conflict",
    message: `\`${id}\` is ${state} already, so there is nothing left to decide; \`portcullis approvals show ${id}\` tells how that came about`,
  };
}
