// Who takes back what waits, or was approved, and why: kept with it, so that whoever asked for it can be told.

import type { Approval, Hold } from "./approval.ts";
import type { Holds } from "./holds.ts";
import { replaced, type Subject } from "./voting.ts";

/** The hold with that in the approval that is about to be revoked. */
export async function revokedBy(
  { holds }: { readonly holds: Pick<Holds, "seal"> },
  { hold, approval, content }: Pick<Subject, "hold" | "approval" | "content">,
  operator: string,
  reason: string | null,
): Promise<Hold> {
  const named: Approval = { ...approval, revoked_by: operator };
  if (reason === null) return replaced(hold, named);
  const said = { ...content, reasons: { ...content.reasons, [operator]: reason } };
  return replaced(hold, { ...named, sealed: await holds.seal(hold, approval, said) });
}
