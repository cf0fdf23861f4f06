// How much memory something keeps, for tests of what is to be bounded: measured after what is unused was collected.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Bytes of heap that all those kept take up together, which `keepOne` gives or keeps elsewhere. */
export function heapKeptBy(times: number, keepOne: (at: number) => unknown): number {
  collect();
  const before = process.memoryUsage().heapUsed;
  const kept = Array.from({ length: times }, (_, at) => keepOne(at));
  collect();
  const grown = process.memoryUsage().heapUsed - before;
  // Used afterwards, so that it is still there when it is measured.
  return kept.length === times ? grown : Number.NaN;
}

/** A text in one piece, as headers and bodies are. */
export function flatText(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}
