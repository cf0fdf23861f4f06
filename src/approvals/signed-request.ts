// Sign-offs under which a request went out, for the retry that its answer is handed on to. They let nothing out again: what
// they were given for was done once, under the decision that names them.

import { current } from "./approval.ts";
import { given, type ReleasingParts } from "./releasing.ts";

/** What is asked, as far as it was signed off. */
export interface AskedAgain {
  readonly application: string;
  /** Pseudonym, or null. */
  readonly user: string | null;
  readonly target: string;
  /** Of the request's body, as text. */
  readonly bytes: string;
}

/**
 * Names of the sign-offs that the request under this approval has by its voters of today; none when it is not the very request,
 * was not sent on, or they do not suffice any more.
 */
export async function signedBefore(
  parts: Pick<ReleasingParts, "holds" | "rules" | "nameOf">,
  id: string,
  asked: AskedAgain,
): Promise<readonly string[]> {
  const hold = await parts.holds.ofApproval(id);
  const approval = hold === null ? undefined : current(hold).find((one) => one.id === id);
  if (hold === null || approval?.kind !== "call" || approval.state !== "released") return [];
  const { application, user, target } = approval;
  if (application !== asked.application || user !== asked.user || target !== asked.target) return [];
  const content = await parts.holds.contentOf(hold, approval);
  if (content?.bytes !== asked.bytes) return [];
  return ((await given(parts, approval)) ?? []).map(({ name }) => name);
}
