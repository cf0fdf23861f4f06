import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { completed, decided } from "../trail.test-support.ts";
import { asked, askedForCall, finance, heldAction } from "./approval-log.test-support.ts";
import { findingsOf } from "./verify.test-support.ts";

const held = heldAction("call_1");
const one = asked(held);
const approval = one.approval;
/** Entries 3 to 5. */
const opening = [decided("call_1"), held, one];
const other = "e".repeat(64);

describe("verifying what was asked for", () => {
  it("finds what is asked for without a hold, after its call, twice, and under another revision", async (t) => {
    const permit = { ...held, decision: "permit", unattended: true } as const;
    const lone = { reason: "asked_without_hold", entry: 5, approval, call: "call_1", action: "act_1" };
    for (const decision of [permit, { ...held, decision: "deny" } as const, heldAction("call_1", "act_2")]) {
      assert.deepEqual(await findingsOf(t, decided("call_1"), decision, one), [lone]);
    }
    const over = completed("call_1", { outcome: "withheld" });
    assert.deepEqual(await findingsOf(t, decided("call_1"), held, over, one), [{ ...lone, entry: 6 }]);
    assert.deepEqual(await findingsOf(t, ...opening, one), [
      { reason: "asked_twice", entry: 6, approval, known: 5 },
    ]);
    assert.deepEqual(await findingsOf(t, ...opening, asked(held, finance(), { approval: "apr_2" })), [
      { ...lone, entry: 6, approval: "apr_2" },
    ]);
    assert.deepEqual(await findingsOf(t, decided("call_1"), held, asked(held, finance(), { revision: 2 })), [
      { reason: "other_revision", entry: 5, approval, expected: 1, found: 2 },
    ]);
  });

  it("finds fewer or other sign-offs than the decision asks for", async (t) => {
    const both = [...finance(), { name: "legal", quorum: 1 }];
    const wants = heldAction("call_1", "act_1", both);
    assert.deepEqual(await findingsOf(t, decided("call_1"), wants, asked(wants, both.toReversed())), []);
    for (const required of [finance(), [...both, { name: "cto", quorum: 1 }], [...finance(), ...finance()]]) {
      assert.deepEqual(await findingsOf(t, decided("call_1"), wants, asked(wants, required)), [
        {
          reason: "other_sign_offs",
          entry: 5,
          approval,
          expected: ["finance", "legal"],
          found: required.map(({ name }) => name),
        },
      ]);
    }
  });

  it("finds that something else is asked for than what is held", async (t) => {
    for (const [member, changes, expected, found] of [
      ["application", { application: "shop" }, "billing", "shop"],
      ["user", { user: null }, "sub_1", null],
      ["tool", { tool: "read_mail" }, "send_email", "read_mail"],
      ["target", { target: "demo/parrot" }, null, "demo/parrot"],
    ] as const) {
      assert.deepEqual(await findingsOf(t, decided("call_1"), held, asked(held, finance(), changes)), [
        { reason: "other_member", entry: 5, approval, member, expected, found },
      ]);
    }
    const revised = asked(held, finance(), { policy_revision: other });
    assert.deepEqual(await findingsOf(t, decided("call_1"), held, revised), [
      { reason: "policy_not_activated", entry: 5, approval, revision: other },
      {
        reason: "other_member",
        entry: 5,
        approval,
        member: "policy_revision",
        expected: held.revision,
        found: other,
      },
    ]);
  });

  it("finds a digest over anything but what the entry says", async (t) => {
    for (const changes of [
      { digest: other },
      { bytes: other },
      { effect: "read" },
      { user: "sub_1" },
    ] as const) {
      const [finding, ...more] = await findingsOf(t, decided("call_1"), held, { ...one, ...changes });
      if ("user" in changes) assert.equal(finding, undefined, "that is what it says");
      else assert.equal(finding?.reason, "other_digest");
      assert.deepEqual(more, []);
    }
    const long = heldAction("call_1");
    const name = "x".repeat(300);
    const cut = { ...long, tool: name };
    assert.deepEqual(
      await findingsOf(t, decided("call_1"), cut, asked(cut, finance(), { digest: other })),
      [],
      "not all of the name is on record",
    );
  });

  it("knows calls that wait, one of the same target for each that is held", async (t) => {
    const call = decided("call_1", { decision: "hold", sign_offs: ["finance"] });
    const first = askedForCall(call);
    assert.deepEqual(await findingsOf(t, call, first), []);
    const elsewhere = { ...askedForCall({ ...call, target: "demo/crow" }), approval: "apr_2" };
    for (const second of [{ ...first, approval: "apr_2" }, elsewhere]) {
      const [finding] = await findingsOf(t, call, first, second);
      assert.deepEqual(
        [finding?.reason, finding?.reason === "asked_without_hold" && finding.action],
        ["asked_without_hold", null],
      );
    }
  });
});
