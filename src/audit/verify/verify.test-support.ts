// Logs to verify, honest and tampered with.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { signCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { appendLeafHashes, emptyHead, leafHash, rootOf } from "portcullis-verify/log/merkle-tree.ts";
import type { ApprovalCounts } from "portcullis-verify/rules/approval-rules.ts";
import { type Finding, findingText } from "portcullis-verify/rules/finding.ts";
import { type VerifyOptions, type VerifyReport, verifyLog } from "portcullis-verify/rules/verify-log.ts";
import { type LogState, MemoryLogStore } from "../log-store.test-support.ts";
import type { StoredCheckpoint } from "../log-store.ts";
import { logStoreSource } from "../log-store-source.ts";
import {
  actionDecided,
  completed,
  decided,
  record,
  type TrailBench,
  testSigner,
  trailBench,
} from "../trail.test-support.ts";
import { approvedTurn } from "./approval-log.test-support.ts";

/** Puts the revision in force that all sample decisions are made under. */
export const activated = leafSamples["policy.activated"];

export function verify(state: LogState, changes: Partial<VerifyOptions> = {}): Promise<VerifyReport> {
  const source = logStoreSource(new MemoryLogStore(state));
  return verifyLog({ source, verifier: testSigner, pinned: null, ...changes });
}

/** A log in which every rule has something to hold for. */
export async function goodLog(t: TestContext): Promise<TrailBench> {
  const bench = trailBench(t);
  const trail = await bench.open();
  await record(trail, activated);
  for (let call = 0; call < 20; call += 1) {
    bench.clock.time += 100;
    await record(trail, decided(`call_${call}`));
    await record(trail, completed(`call_${call}`));
  }
  const withheld = { outcome: "withheld", reason: "approval_required", status: 403 } as const;
  await record(trail, decided("call_held"), actionDecided("call_held"), completed("call_held", withheld));
  await record(
    trail,
    decided("call_write"),
    actionDecided("call_write", { decision: "permit", unattended: true }),
    actionDecided("call_write", { action: "act_2", decision: "permit", effect: "read", position: 1 }),
    completed("call_write"),
  );
  await record(
    trail,
    decided("call_fallback", { target: "a/one" }),
    decided("call_fallback", { dispatch: 2 }),
  );
  await record(trail, completed("call_fallback", { dispatches: 2 }));
  const denied = { outcome: "refused", reason: "policy_denied", target: null, dispatches: 0 } as const;
  await record(trail, decided("call_denied", { decision: "deny" }), completed("call_denied", denied));
  await record(trail, ...approvedTurn("call_approved"));
  await trail.close();
  return bench;
}

/** The findings of a log to which the gateway, holding the key, itself wrote these entries. */
export async function findingsOf(
  t: TestContext,
  ...bodies: readonly LeafBody[]
): Promise<readonly Finding[]> {
  const bench = trailBench(t);
  const trail = await bench.open();
  await record(trail, activated, ...bodies);
  await trail.close();
  const report = await verify(bench.state);
  assert.equal(report.log.ok, true);
  assert.equal(report.ok, report.governance.ok);
  assert.equal(report.governance.ok, report.findings.length === 0);
  return told(report);
}

const nothingEnded = {
  rejected: 0,
  expired: 0,
  superseded: 0,
  cancelled: 0,
  revoked: 0,
  lapsed: 0,
  stale: 0,
};
export const noApprovals: ApprovalCounts = {
  requested: 0,
  edited: 0,
  open: 0,
  votes: 0,
  votesRefused: 0,
  closed: nothingEnded,
  released: 0,
  redelivered: 0,
};

/** Findings, each shown to have words. */
export function told(report: VerifyReport): readonly Finding[] {
  for (const finding of report.findings) assert.match(findingText(finding), /^[a-z].*[^.]$/s);
  return report.findings;
}

export function reasons(report: VerifyReport): readonly string[] {
  return told(report).map((finding) => finding.reason);
}

/** What somebody with the database and without the key can do: change it and make the stored head fit. */
export function tamper(state: LogState, change: (copy: LogState) => void): LogState {
  const copy = structuredClone(state);
  change(copy);
  const hashes = copy.entries.map((entry) => leafHash(entry.leaf));
  copy.head = appendLeafHashes(emptyHead, hashes);
  copy.openFrom = Math.min(copy.openFrom, copy.entries.length);
  return copy;
}

/** Signed over the log as it is, before the latest one. */
export function keepCheckpointsAt(state: LogState, sizes: readonly number[]): void {
  state.checkpoints = [...checkpointsAt(state, sizes), ...state.checkpoints.slice(-1)];
}

export function checkpointsAt(state: LogState, sizes: readonly number[]): StoredCheckpoint[] {
  return sizes.map((size) => {
    const hashes = state.entries.slice(0, size).map((entry) => leafHash(entry.leaf));
    const { frontier } = appendLeafHashes(emptyHead, hashes);
    const root = rootOf({ size, frontier });
    return { size, time: 0, root, frontier, note: signCheckpoint(testSigner, size, root) };
  });
}
