// Whether witnesses keep up with the log, by what is stored of their cosignatures.

import type { LogStore } from "../../audit/log-store.ts";
import { type DoctorFinding, ok, skipped, warning } from "./finding.ts";

/** A checkpoint is cosigned within seconds; what is older than this is not about to be. */
const cosignedWithinMs = 60_000;

/** `witnesses`: how many the config names. */
export async function witnessCheck(
  log: Pick<LogStore, "latestCheckpoint" | "witnessedCheckpoint">,
  witnesses: number,
  held: boolean,
): Promise<readonly DoctorFinding[]> {
  const check = "witnesses";
  if (witnesses === 0) return [skipped(check, "`audit.witnesses` names none")];
  const latest = await log.latestCheckpoint();
  if (latest === null) return [skipped(check, "nothing is signed yet")];
  const advice = held
    ? "the gateway's log says which of them does not cosign and why; until enough do, nothing newer is given out"
    : "those that can be reached cosign at the next start";
  const witnessed = await log.witnessedCheckpoint();
  if (witnessed === null) return [warning(check, "no checkpoint was cosigned by enough of them", advice)];
  const entries = latest.size - witnessed.size;
  if (entries === 0) return [ok(check, `enough have cosigned all ${latest.size} entries that are sealed`)];
  const says = `enough have cosigned the first ${witnessed.size} of ${latest.size} entries`;
  const isLate = latest.time - witnessed.time > cosignedWithinMs;
  return [isLate ? warning(check, says, advice) : ok(check, says)];
}
