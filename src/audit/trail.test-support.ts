// A trail on real files and an in-memory store, for tests of everything that stands on one.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { noteSigner } from "portcullis-verify/log/signed-note.ts";
import { type LogState, MemoryLogStore, newLogState } from "./log-store.test-support.ts";
import { Trail } from "./trail.ts";
import type { TrailFault } from "./trail-faults.ts";
import type { TrailOptions } from "./trail-options.ts";

export const testSigner = noteSigner("gate.example/log", Buffer.alloc(32, 7));

export interface TrailBench {
  readonly state: LogState;
  readonly headFile: string;
  readonly clock: { time: number; now(): number };
  readonly faults: TrailFault[];
  options(changes?: Partial<TrailOptions>): TrailOptions;
  open(changes?: Partial<TrailOptions>): Promise<Trail>;
}

export function trailBench(t: TestContext): TrailBench {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-trail-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const state = newLogState();
  const headFile = join(folder, "checkpoint");
  const clock = {
    time: Date.parse("2026-11-23T00:00:00.000Z"),
    now(): number {
      return this.time;
    },
  };
  const faults: TrailFault[] = [];
  const options = (changes: Partial<TrailOptions> = {}): TrailOptions => ({
    store: new MemoryLogStore(state),
    signer: testSigner,
    headFile,
    instance: "inst_1",
    version: "0.1.0",
    clock,
    onFault: (fault) => faults.push(fault),
    ...changes,
  });
  return { state, headFile, clock, faults, options, open: (changes) => Trail.open(options(changes)) };
}

export function decided(
  call: string,
  changes: Partial<LeafBody<"call.decided">> = {},
): LeafBody<"call.decided"> {
  return { ...leafSamples["call.decided"], call, ...changes };
}

export function actionDecided(
  call: string,
  changes: Partial<LeafBody<"action.decided">> = {},
): LeafBody<"action.decided"> {
  return { ...leafSamples["action.decided"], call, ...changes };
}

export function completed(
  call: string,
  changes: Partial<LeafBody<"call.completed">> = {},
): LeafBody<"call.completed"> {
  return { ...leafSamples["call.completed"], call, ...changes };
}

/** Puts these bodies on record, next to each other. */
export async function record(trail: Trail, ...bodies: readonly LeafBody[]): Promise<void> {
  await trail.append(bodies.map((body) => trail.encode(body, null)));
}

export function leavesOf(state: LogState): readonly Record<string, unknown>[] {
  return state.entries.map((entry) => JSON.parse(Buffer.from(entry.leaf).toString()));
}
