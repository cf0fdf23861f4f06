// Which checkpoints are kept. One is made about every second; kept for good they would soon outweigh the log itself.

import type { StoredCheckpoint } from "../../audit/log-store.ts";
import { blob, integer, type Row } from "./row.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** From this age on the last of each span stays. */
export const thinningSteps = [
  { age: hour, span: minute },
  { age: day, span: hour },
] as const;

/** Throws when a checkpoint does not follow the last one, whose row has `size` and `root`. */
export function refuseStepBack(last: Row | null, { size, root }: StoredCheckpoint): void {
  if (last === null || integer(last, "size") < size) return;
  if (integer(last, "size") > size)
    throw new TypeError("a checkpoint of a smaller tree than the last is not kept");
  if (Buffer.compare(blob(last, "root"), root) !== 0)
    throw new TypeError("a checkpoint of another tree of the same size as the last is not kept");
}
