// What an earlier request left waiting, for a request that is its retry or names it: joined at most once at a time, and only
// by the very application and user whose it is.

import { current, type Hold } from "../../approvals/approval.ts";
import type { ApprovalDesk } from "../../approvals/desk.ts";
import type { Refusal } from "../../core/refusal.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import { parseStrictJson } from "../../core/strict-json.ts";
import { isObject, member } from "../../facts/json-shape.ts";
import type { DescribedCall } from "../call.ts";
import { type RequestIdentity, requestIdentity } from "../held/conversation.ts";
import { resumeClaim } from "../held/resume-marker.ts";
import { decodeHeld, type HeldContent } from "../held/turn.ts";
import type { GatewayParts } from "../parts.ts";

export interface PickedUp {
  readonly hold: Hold;
  readonly content: HeldContent;
  /** The choice that a later request goes on with; null for a retry. */
  readonly resumed: number | null;
  readonly identity: RequestIdentity;
}

/** Null for nearly every call. What is picked up has to be left again. Fails where its `Idempotency-Key` names another request. */
export async function pickUp(
  { holding, clock, limits }: Pick<GatewayParts, "holding" | "clock" | "limits">,
  call: DescribedCall,
): Promise<Result<PickedUp | null, Refusal>> {
  const { desk, markerKey } = holding;
  const name = call.application.name;
  if (call.marked === undefined && !desk.mayJoin(name, clock.now())) return ok(null);
  const identity = requestIdentity(call);
  const who = { application: name, user: call.user };
  const marked = call.marked === undefined ? [] : messagesOf(call.marked, limits.depth);
  const claim = resumeClaim(markerKey, marked, identity.messages, who);
  if (claim === null && (await desk.isOfAnother(identity.attachKey, identity.request))) {
    return fail({ reason: "idempotency_conflict" });
  }
  const hold =
    claim === null ? await desk.join(identity.attachKey) : await desk.joinById(claim.hold, claim.choice);
  if (hold === null) return ok(null);
  // The marker is bound to both, and so is the request's identity; a hold of another would be a fault of ours.
  if (hold.application !== name || hold.user !== call.user) throw new Error(`hold ${hold.id} is another's`);
  let content: HeldContent | null = null;
  try {
    content = await contentFor(desk, hold, call);
  } finally {
    if (content === null) await desk.leave(hold.id, "nothing");
  }
  return ok(content === null ? null : { hold, content, resumed: claim?.choice ?? null, identity });
}

/** Null when it cannot be read, or is another request than this one. */
async function contentFor(
  desk: ApprovalDesk,
  hold: Hold,
  { body }: Pick<DescribedCall, "body">,
): Promise<HeldContent | null> {
  const answer = await desk.answerOf(hold);
  const [first] = current(hold);
  if (answer === null || first === undefined) return null;
  const content = decodeHeld(answer);
  if (content.kind !== "request") return content;
  // People sign off these very bytes; the same request in other bytes is asked for anew.
  const asked = await desk.contentOf(hold, first);
  return asked?.bytes === body.toString("utf8") ? content : null;
}

/** The bytes were not inspected: what was is what is left of them without their markers. */
function messagesOf(marked: Buffer, maxDepth: number): readonly unknown[] {
  const read = parseStrictJson(marked, maxDepth);
  const listed = read.ok && isObject(read.value.value) ? member(read.value.value, "messages") : undefined;
  return Array.isArray(listed) ? listed : [];
}
