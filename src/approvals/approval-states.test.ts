import assert from "node:assert/strict";
import { test } from "node:test";
import { approvalEvents, approvalStates, isFinal, isOpen, nextState } from "./approval-states.ts";

/** Written down again, from the drawing in docs/approvals.md: whatever is not here does nothing. */
const drawn: readonly (readonly [string, string, string])[] = [
  ["pending", "votes_complete", "approved"],
  ["pending", "reject", "rejected"],
  ["pending", "decide_time_over", "expired"],
  ["pending", "cancel", "cancelled"],
  ["pending", "edit", "superseded"],
  ["pending", "revoke", "revoked"],
  ["approved", "claim", "releasing"],
  ["approved", "use_time_over", "lapsed"],
  ["approved", "cancel", "cancelled"],
  ["approved", "revoke", "revoked"],
  ["approved", "recheck_stricter", "stale"],
  ["releasing", "deliver", "released"],
  ["releasing", "execute", "executing"],
  ["executing", "succeed", "succeeded"],
  ["executing", "fail", "failed"],
  ["executing", "lose_track", "unknown"],
];

for (const state of approvalStates) {
  test(`what is ${state} becomes what the table says, whatever happens`, () => {
    for (const event of approvalEvents) {
      const [, , next = null] = drawn.find(([from, by]) => from === state && by === event) ?? [];
      assert.equal(nextState(state, event), next, `${state} + ${event}`);
    }
  });
}

test("nothing comes of a state that is final, and everything else goes on", () => {
  for (const state of approvalStates) {
    const goesOn = drawn.some(([from]) => from === state);
    assert.equal(isFinal(state), !goesOn, state);
  }
});

test("a client can still get what is not decided or not used, and nothing else", () => {
  assert.deepEqual(approvalStates.filter(isOpen), ["pending", "approved", "releasing"]);
});

test("no way leads from a refusal to a release", () => {
  const reached = new Set(["rejected", "expired", "cancelled", "superseded", "lapsed", "revoked", "stale"]);
  for (let size = 0; size !== reached.size; ) {
    size = reached.size;
    for (const [from, , to] of drawn) if (reached.has(from)) reached.add(to);
  }
  assert.ok(!reached.has("approved") && !reached.has("releasing") && !reached.has("released"));
});
