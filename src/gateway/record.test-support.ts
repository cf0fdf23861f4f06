// What is on record of a test gateway: to be read, and verified at its end save for what the test did to it on purpose.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Leaf, LeafOf } from "portcullis-verify/leaves/leaf-schema.ts";
import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import { parseVerifierKey } from "portcullis-verify/log/signed-note.ts";
import { findingText } from "portcullis-verify/rules/finding.ts";
import { verifyLog } from "portcullis-verify/rules/verify-log.ts";
import type { LogStore } from "../audit/log-store.ts";
import { logStoreSource } from "../audit/log-store-source.ts";
import { decisionReplayer, type ReplaySource } from "../wiring/decision-replayer.ts";

export interface VerifiedEnd extends ReplaySource {
  readonly log: LogStore;
  readonly vkey: string;
  readonly keysFolder: string;
}

/** Each of `expected` is found, and nothing else is: every decision comes out again as it is on record, too. */
export async function assertVerifies(end: VerifiedEnd, expected: readonly RegExp[]): Promise<void> {
  const { log, vkey, keysFolder } = end;
  const verifier = parseVerifierKey(vkey);
  assert.ok(verifier.ok);
  const report = await verifyLog({
    source: logStoreSource(log),
    verifier: verifier.value,
    pinned: readFileSync(join(keysFolder, "checkpoint"), "utf8"),
    replayer: decisionReplayer(end),
  });
  const found = report.findings.map(findingText);
  const unexpected = found.filter((text) => !expected.some((one) => one.test(text)));
  assert.deepEqual(unexpected, [], "the trail verifies");
  for (const one of expected)
    assert.ok(
      found.some((text) => one.test(text)),
      `${one} is found`,
    );
  assert.deepEqual(report.governance.openCalls, [], "every call is completed");
  assert.deepEqual(
    report.notChecked.filter(({ reason }) => reason === "unreplayable"),
    [],
    "every decision can be evaluated again",
  );
}

/** All entries from the index `from` on. */
export async function readLeaves(log: LogStore, from: number): Promise<readonly Leaf[]> {
  return (await log.read(from, from + 10_000)).map((entry) => {
    const leaf = parseLeaf(entry.leaf);
    assert.ok(leaf.ok, `entry ${entry.index} is a leaf`);
    return leaf.value;
  });
}

export type CallLeaf = LeafOf<"call.decided"> | LeafOf<"action.decided"> | LeafOf<"call.completed">;

export function ofCall(leaves: readonly Leaf[], call: string | undefined): readonly CallLeaf[] {
  return leaves.filter((leaf): leaf is CallLeaf => "call" in leaf && leaf.call === call);
}
