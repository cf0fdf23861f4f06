// What a write rejects with: one of the failures that the log store names, or a fault of whoever asked for it.

import { FencedError, LogUnavailableError } from "../../audit/log-store.ts";
import { NotSigningError } from "../../audit/peer-store.ts";
import { OperatorError } from "../../core/operator-error.ts";
import { databaseFault, faultText, isContention } from "./postgres-fault.ts";

/** Not one of the failures that the log store names: whether it was written is unknown, and stays so. */
export class UnknownOutcomeError extends Error {
  override readonly name = "UnknownOutcomeError";
}

/** Whether it befell all jobs of a group, and not one of them alone. */
export function endsGroup(fault: unknown): boolean {
  return (
    fault instanceof FencedError ||
    fault instanceof LogUnavailableError ||
    fault instanceof UnknownOutcomeError ||
    (databaseFault(fault) !== null && !isContention(fault))
  );
}

export function unavailable(why: string): LogUnavailableError {
  return new LogUnavailableError(`the database cannot be written: ${why}`);
}

/** As the stores promise it to their callers. */
export function named(fault: unknown): Error {
  if (fault instanceof FencedError || fault instanceof LogUnavailableError) return fault;
  const known = [TypeError, OperatorError, NotSigningError, UnknownOutcomeError];
  if (fault instanceof Error && known.some((kind) => fault instanceof kind)) return fault;
  return new LogUnavailableError(`the database cannot be written: ${faultText(fault)}`, { cause: fault });
}
