// What `doctor` says of one thing it looked at.

/** `problem`: it does not work, or will soon not. `warning`: it works, and somebody should know. `skipped`: not looked at. */
export type FindingState = "ok" | "warning" | "problem" | "skipped";

export interface DoctorFinding {
  readonly check: string;
  readonly state: FindingState;
  readonly says: string;
  /** What to do about it; null where there is nothing to be done. */
  readonly advice: string | null;
}

export function ok(check: string, says: string): DoctorFinding {
  return { check, state: "ok", says, advice: null };
}

export function skipped(check: string, says: string): DoctorFinding {
  return { check, state: "skipped", says, advice: null };
}

export function warning(check: string, says: string, advice: string): DoctorFinding {
  return { check, state: "warning", says, advice };
}

export function problem(check: string, says: string, advice: string): DoctorFinding {
  return { check, state: "problem", says, advice };
}

/** A check that meets a fault of the system has found something, and the others go on. */
export async function guarded(
  check: string,
  look: () => Promise<readonly DoctorFinding[]> | readonly DoctorFinding[],
): Promise<readonly DoctorFinding[]> {
  try {
    return await look();
  } catch (fault) {
    const message = fault instanceof Error ? fault.message : String(fault);
    return [
      problem(check, message, "put right what this names; run `doctor` as the user who runs the gateway"),
    ];
  }
}
