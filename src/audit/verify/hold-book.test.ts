import assert from "node:assert/strict";
import { it } from "node:test";
import type { Leaf, LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { ApprovalRules } from "portcullis-verify/rules/approval-rules.ts";
import { CallBook } from "portcullis-verify/rules/call-book.ts";
import { CallRules } from "portcullis-verify/rules/call-rules.ts";
import { Findings } from "portcullis-verify/rules/finding.ts";
import { HoldBook } from "portcullis-verify/rules/hold-book.ts";
import { completed, decided } from "../trail.test-support.ts";
import { approvedTurn, asked, completedFrom, heldAction, released } from "./approval-log.test-support.ts";

const stamp = { v: 1, id: "", time: "2026-11-23T00:00:00.000Z", instance: "inst_1" } as const;

it("holds that are over are forgotten in the end, and what is delivered of them then is not checked", () => {
  const findings = new Findings();
  const [calls, holds] = [new CallBook(), new HoldBook()];
  const approvals = new ApprovalRules(calls, holds, findings.governance);
  const rules = new CallRules(calls, holds, findings.governance);
  let entry = 0;
  const observe = (...bodies: readonly LeafBody[]): void => {
    for (const body of bodies) {
      const leaf: Leaf = { ...body, ...stamp };
      approvals.observe(entry, leaf);
      rules.observe(entry, leaf);
      entry += 1;
    }
  };
  const first = asked(heldAction("call_0", "act_of_call_0"));
  const again = (call: string, delivery: number): void =>
    observe(
      decided(call),
      released(first, first, { released_to: call, delivery }),
      completedFrom(first, call),
    );
  for (let call = 0; call < 20_000; call += 1) observe(...approvedTurn(`call_${call}`));
  again("call_again", 2);
  assert.deepEqual([findings.kept, approvals.uncheckedDeliveries, holds.hasForgotten], [[], 0, false]);
  for (let call = 20_000; call < 45_010; call += 1) observe(...approvedTurn(`call_${call}`));
  again("call_late", 3);
  assert.deepEqual([findings.kept, approvals.uncheckedDeliveries, holds.hasForgotten], [[], 1, true]);
  // 22,500 are let be; one more, and 20,000 are left.
  assert.equal([...holds.approvals()].length, 20_000);
  observe(decided("call_x"), released(first, first), completed("call_x"));
  assert.deepEqual(
    findings.kept.map(({ reason }) => reason),
    ["other_state"],
    "but nothing is handed on for the first time under what is forgotten",
  );
});
