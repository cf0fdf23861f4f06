// Thins old checkpoints.

import type { DatabaseSync } from "node:sqlite";
import { thinningSteps } from "../rows/checkpoint-rules.ts";

/** Call in the transaction that keeps a new checkpoint; `last` is the time of the one before it. */
export function thinCheckpoints(database: DatabaseSync, last: number, now: number): void {
  for (const { age, span } of thinningSteps) database.prepare(comeOfAge(span)).run(last - age, now - age);
}

// A checkpoint is looked at once for each step, when it comes of age: the stretches between the last checkpoint's time and
// the new one's follow each other without a gap, so the work of a transaction is what came of age since the one before.
// By then its span is over, so the checkpoint behind it says whether it is the last. A clock that goes back and forth
// only makes it look again. The latest has none behind it and stays, and so does
// the latest that witnesses have cosigned: there may be no other for as long as they are away.
function comeOfAge(span: number): string {
  return `
    DELETE FROM checkpoints
    WHERE made_at > ? AND made_at <= ? AND made_at / ${span} = (
      SELECT behind.made_at / ${span} FROM checkpoints AS behind
      WHERE behind.size > checkpoints.size ORDER BY behind.size LIMIT 1
    ) AND size <> coalesce((SELECT max(size) FROM checkpoints WHERE witnessed = 1), -1)
  `;
}
