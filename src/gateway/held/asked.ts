// Who asks people for something, and why it could not be asked: the same for a call and for what it proposes.

import type { Filing, FilingFailure } from "../../approvals/filing.ts";
import type { DescribedCall } from "../call.ts";
import type { GatewayParts } from "../parts.ts";
import type { RequestIdentity } from "./conversation.ts";

type Asker = Omit<Filing, "under" | "answer" | "items" | "before">;

export function askerOf(
  { holding }: Pick<GatewayParts, "holding">,
  call: DescribedCall,
  { conversation, attachKey, request }: RequestIdentity,
): Asker {
  const { names, keyCreator } = holding.behind(call.application.name, call.holder?.keyId ?? null);
  return {
    call: call.id,
    application: call.application.name,
    groups: call.application.groups,
    user: call.user,
    subject: call.subject,
    requesters: call.request.user === null ? names : [...names, call.request.user],
    keyCreator,
    endpoint: call.endpoint,
    ...{ conversation, attachKey, request },
  };
}

/** Lowercase, no full stop; says what to do next where there is something. */
export function notFiledDetail(failure: FilingFailure): string {
  switch (failure.reason) {
    case "full":
      return "as many approvals wait as may (`approvals.max_pending`); have some decided first";
    case "rejected_before":
      return "the same was rejected before in this conversation, and is not asked for again";
    case "undeclared":
      return `the sign-off \`${failure.signOff}\` is not declared any more`;
  }
}
