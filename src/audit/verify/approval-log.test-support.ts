// The entries of approvals as the desk writes them, for logs to verify.

import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { signedOffDigest } from "portcullis-verify/rules/approval-digest.ts";
import { actionDecided, completed, decided } from "../trail.test-support.ts";

type Body<Type extends LeafBody["type"]> = LeafBody<Type>;
export type Asked = Body<"approval.requested">;
/** A revision of an approval. */
export type Subject = Asked | Body<"approval.edited">;
type Required = Asked["required"];

export const gateway = { kind: "gateway", id: "portcullis" } as const;
export const operator = (id: string) => ({ kind: "operator", id }) as const;

export const finance = (quorum = 1): Required => [{ name: "finance", quorum }];

/** An action that policy holds until these sign-offs are given. */
export function heldAction(
  call: string,
  action = "act_1",
  required: Required = finance(),
): Body<"action.decided"> {
  const names = required.map(({ name }) => name);
  return actionDecided(call, { action, user: "sub_1", decision: "hold", sign_offs: names });
}

export function asked(
  held: Body<"action.decided">,
  required: Required = finance(),
  changes: Partial<Asked> = {},
): Asked {
  const { call, action, application, groups, user, tool, effect, tool_digest, revision } = held;
  return withDigest({
    ...leafSamples["approval.requested"],
    ...{ call, action, application, groups, user, tool, effect, tool_digest, required },
    policy_revision: revision,
    hold: `hold_of_${call}`,
    approval: `apr_of_${action}`,
    ...changes,
  });
}

/** For a call that was held before any model saw it. */
export function askedForCall(
  held: Body<"call.decided">,
  required: Required = finance(),
  changes: Partial<Asked> = {},
): Asked {
  const { call, application, groups, user, target, revision } = held;
  return withDigest({
    ...leafSamples["approval.requested"],
    ...{ call, application, groups, user, target, required },
    ...{ kind: "call", action: null, tool: null, effect: null, tool_digest: null },
    policy_revision: revision,
    hold: `hold_of_${call}`,
    approval: `apr_of_${call}`,
    ...changes,
  });
}

export function edited(
  previous: Subject,
  first: Asked,
  by: string,
  changes: Partial<Body<"approval.edited">> = {},
): Body<"approval.edited"> {
  const { approval, required, expires } = previous;
  const body = {
    ...leafSamples["approval.edited"],
    ...{ approval, required, expires },
    actor: operator(by),
    revision: previous.revision + 1,
    previous: { revision: previous.revision, digest: previous.digest },
    ...changes,
  };
  return { ...body, digest: changes.digest ?? digestOf(first, body) };
}

export function voted(
  subject: Subject,
  by: string,
  changes: Partial<Body<"approval.voted">> = {},
): Body<"approval.voted"> {
  const { approval, revision, digest, required } = subject;
  return {
    ...leafSamples["approval.voted"],
    ...{ approval, revision, digest },
    actor: operator(by),
    sign_offs: required.map(({ name }) => name),
    state: "approved",
    ...changes,
  };
}

export function closed(
  { approval, revision, digest }: Subject,
  state: Body<"approval.closed">["state"],
  changes: Partial<Body<"approval.closed">> = {},
): Body<"approval.closed"> {
  return { ...leafSamples["approval.closed"], approval, revision, digest, state, ...changes };
}

/** The decision that lets a held action go. */
export function permitted(
  held: Body<"action.decided">,
  { approval }: Subject,
  changes: Partial<Body<"action.decided">> = {},
): Body<"action.decided"> {
  return { ...held, decision: "permit", sign_offs: [], approval, ...changes };
}

export function released(
  subject: Subject,
  { hold, call, action }: Asked,
  changes: Partial<Body<"approval.released">> = {},
): Body<"approval.released"> {
  const { approval, revision, digest, required } = subject;
  const given = required.map((one) => ({ ...one, votes: one.quorum }));
  return {
    ...leafSamples["approval.released"],
    ...{ approval, revision, digest, hold, call, action, given },
    released_to: call,
    ...changes,
  };
}

/** How a call ends that gets what waited for another. */
export function completedFrom(
  { hold }: Asked,
  call: string,
  changes: Partial<Body<"call.completed">> = {},
): Body<"call.completed"> {
  return completed(call, { hold, dispatches: 0, target: null, ...changes });
}

/** A call of whose answer one action waits, is approved by ana, and is handed on. */
export function approvedTurn(call: string): readonly LeafBody[] {
  const held = heldAction(call, `act_of_${call}`);
  const one = asked(held, finance(), { use_within_ms: 900_000 });
  return [
    decided(call),
    held,
    one,
    { ...leafSamples["approval.viewed"], approval: one.approval, digest: one.digest },
    voted(one, "op_ana"),
    permitted(held, one),
    released(one, one),
    completed(call),
  ];
}

function withDigest(body: Asked): Asked {
  return { ...body, digest: digestOf(body, body) };
}

function digestOf(body: Asked, revision: { readonly revision: number; readonly bytes: string }): string {
  return signedOffDigest(body, revision) ?? body.digest;
}
