// Step 4: the call as typed facts, and the pseudonyms under which it is recorded.

import { callFacts } from "../../facts/call-facts.ts";
import { labelsOf } from "../../facts/labels.ts";
import type { DescribedCall, ParsedCall, Target } from "../call.ts";
import type { GatewayParts } from "../parts.ts";

export async function describe(
  parts: Pick<GatewayParts, "subjects">,
  call: ParsedCall,
  targets: readonly [Target, ...Target[]],
): Promise<DescribedCall> {
  // The texts end here: a call that waits for its answer does not keep them.
  const { texts, ...read } = call;
  const found = labelsOf(texts);
  const labels = found instanceof Promise ? await found : found;
  const facts = callFacts(call.request, { sourceAddress: call.sourceAddress, time: call.time, labels });
  const user = call.request.user === null ? null : await parts.subjects.userId(call.request.user);
  const subject = user ?? (await parts.subjects.applicationId(call.application.name));
  return { ...read, targets, facts, user, subject };
}
