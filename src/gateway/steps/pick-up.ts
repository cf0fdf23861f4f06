// What an earlier request left waiting, for a request that is its retry or names it: joined at most once at a time, and only
// by the very application and user whose it is.

import { current, type Hold } from "../../approvals/approval.ts";
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

/** Null for nearly every call. What is picked up has to be left again. */
export async function pickUp(
  { holding, clock }: Pick<GatewayParts, "holding" | "clock">,
  call: DescribedCall,
): Promise<PickedUp | null> {
  const { desk, markerKey } = holding;
  const name = call.application.name;
  if (call.marked === undefined && !desk.mayJoin(name, clock.now())) return null;
  const identity = requestIdentity(call);
  const who = { application: name, user: call.user };
  const marked = call.marked === undefined ? [] : messagesOf(call.marked);
  const claim = resumeClaim(markerKey, marked, identity.messages, who);
  const hold = claim === null ? await desk.join(identity.attachKey) : await desk.joinById(claim.hold);
  if (hold === null) return null;
  // The marker is bound to both, and so is the request's identity; a hold of another would be a fault of ours.
  if (hold.application !== name || hold.user !== call.user) throw new Error(`hold ${hold.id} is another's`);
  const answer = await desk.answerOf(hold);
  if (answer === null || current(hold).length === 0) {
    await desk.leave(hold.id, false);
    return null;
  }
  return { hold, content: decodeHeld(answer), resumed: claim?.choice ?? null, identity };
}

function messagesOf(body: Buffer): readonly unknown[] {
  const parsed: unknown = JSON.parse(body.toString("utf8"));
  const listed = isObject(parsed) ? member(parsed, "messages") : undefined;
  return Array.isArray(listed) ? listed : [];
}
