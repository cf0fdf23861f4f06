import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import type { RecordType } from "../core/argument-type.ts";
import { fail, ok } from "../core/result.ts";
import { loaded, permitCalls, permitTools, testWorld } from "../policy/policy.test-support.ts";
import { decidedCall, facts, stamp } from "./decided-call.test-support.ts";
import { explainDecision } from "./explain-decision.ts";
import type { CommittedText, DecidedLeaf } from "./replay-decision.ts";

const { revision } = loaded(`${permitCalls}${permitTools}
@id("office") forbid (principal, action == Portcullis::Action::"chat", resource)
unless { context.source_address.isInRange(ip("10.0.0.0/8")) };
@id("no-eve") @mode("shadow") forbid (principal, action == Portcullis::Action::"embed", resource)
when { context has user && context.user == "eve" };`);
const call = decidedCall(revision.id);
const action = {
  ...leafSamples["action.decided"],
  ...stamp,
  application: "assistant",
  facts: { labels: [], time: facts.time },
  policies: { ids: ["portcullis/floor"], more: 0 },
  revision: revision.id,
};
const inOffice = ok("10.1.2.3");
const committed = fail("it is not recorded, only committed to");

const facing = (sourceAddress: CommittedText, given: CommittedText = committed) => ({
  sourceAddress,
  user: fail("on record is only a pseudonym"),
  arguments: given,
});
const explain = (leaf: DecidedLeaf, address: CommittedText = inOffice) =>
  explainDecision(leaf, revision.content, facing(address));

test("a decision is evaluated again by the revision on record and found to be the same", () => {
  for (const leaf of [call, action]) {
    const { replay, detail, unknown } = explain(leaf);
    assert.deepEqual([replay, detail, unknown], ["same", null, []]);
  }
});

test("an outcome, policies or sign-offs that are not those on record are told", () => {
  const cases: readonly (readonly [DecidedLeaf, RegExp])[] = [
    [{ ...call, decision: "deny" as const }, /on record is deny by `calls`, and .* gives permit by `calls`/],
    [{ ...call, policies: { ids: ["tools"], more: 0 } }, /by `tools`, and .* by `calls`/],
    [{ ...action, sign_offs: ["finance"] }, /hold for finance .* gives hold for default/],
  ];
  for (const [leaf, message] of cases) {
    const { replay, detail } = explain(leaf);
    assert.equal(replay, "differs");
    assert.match(detail ?? "", message);
  }
});

test("what is only committed to is never guessed, and what was erased is said to be", () => {
  for (const address of [committed, fail("it was erased")]) {
    const { replay, detail, unknown, answers } = explain(call, address);
    assert.equal(replay, "not_possible");
    assert.equal(
      detail,
      "it cannot be explained fully: policies look at `context.source_address`, which is not known",
    );
    assert.deepEqual(unknown, [{ fact: "source_address", why: address.ok ? "" : address.failure }]);
    const office = answers[0]?.policies.find(({ id }) => id === "office");
    assert.deepEqual([answers[0]?.outcome, office?.applies], [null, null]);
    assert.equal(office?.clauses[0]?.values[0]?.value, null);
  }
});

test("an unknown fact that no policy looks at hinders nothing", () => {
  const { replay, unknown } = explain(action, committed);
  assert.deepEqual([replay, unknown.map(({ fact }) => fact)], ["same", ["source_address"]]);
});

test("where only shadow policies look at what is not known, the decision is explained and they are not", () => {
  const embedded = {
    ...call,
    endpoint: "embeddings" as const,
    user: "sub_1",
    shadow: {
      decision: "deny" as const,
      error: false,
      policies: { ids: ["no-eve"], more: 0 },
      sign_offs: [],
    },
  };
  const { replay, detail, answers } = explain(embedded);
  assert.equal(replay, "same");
  assert.match(detail ?? "", /shadow policies cannot be explained fully: they look at `context\.user`/);
  const tried = answers[0]?.policies.find(({ id }) => id === "no-eve");
  assert.deepEqual([tried?.shadow, tried?.applies], [true, null]);
  const known = explain({ ...embedded, user: null });
  assert.match(
    known.detail ?? "",
    /on record of shadow policies is deny by `no-eve`, and .* gives permit by `calls`/,
  );
});

test("each field that makes the provider act is a question of its own", () => {
  const stored = {
    ...call,
    facts: { ...facts, features: ["store"] },
    decision: "deny" as const,
    policies: { ids: [], more: 0 },
  };
  const { replay, answers } = explain(stored);
  assert.equal(replay, "same");
  assert.deepEqual(
    answers.map(({ asked, outcome }) => [asked, outcome]),
    [
      ["chat with `demo/assistant`", "permit"],
      ["use_feature `store` of `demo/assistant`", "deny"],
    ],
  );
});

test("a revision that is gone or was changed, and a call that policy was not asked about, are said to be", () => {
  assert.match(explainDecision(call, null, facing(inOffice)).detail ?? "", /nothing is kept of the revision/);
  const changed = revision.content.replace("calls", "cells");
  assert.match(explainDecision(call, changed, facing(inOffice)).detail ?? "", /changed in the data store/);
  for (const leaf of [
    { ...call, facts: null },
    { ...call, target: null },
    { ...action, facts: null },
  ]) {
    const { replay, detail } = explain(leaf);
    assert.equal(replay, "not_possible");
    assert.match(detail ?? "", /policy was not asked/);
  }
});

test("what stands in the way is told with what the outcome would be without it", () => {
  const outside = { ...call, decision: "deny" as const, policies: { ids: ["office"], more: 0 } };
  const { replay, answers } = explain(outside, ok("192.0.2.1"));
  assert.equal(replay, "same");
  const office = answers[0]?.policies.find(({ id }) => id === "office");
  assert.deepEqual(
    [office?.determines, office?.without, office?.place],
    [true, "permit", { file: "test.cedar", line: 6 }],
  );
  assert.equal(office?.clauses[0]?.values[0]?.value, 'ip("192.0.2.1")');
});

test("what was released is evaluated with the sign-offs that it was released with, where these are known", () => {
  const released = {
    ...action,
    decision: "permit" as const,
    policies: { ids: ["tools"], more: 0 },
    sign_offs: [],
    approval: "appr_1",
  };
  const explainGiven = (given: Parameters<typeof explainDecision>[3]) =>
    explainDecision(released, revision.content, facing(inOffice), given);
  const { replay, answers } = explainGiven(ok(["default"]));
  assert.deepEqual([replay, answers[0]?.outcome, answers[0]?.approvals], ["same", "permit", ["default"]]);
  assert.match(explainGiven(ok([])).detail ?? "", /permit by `tools`, and .* hold for default/);
  const unknown = explainGiven(fail("the entry is not there"));
  assert.deepEqual([unknown.replay, unknown.detail], ["not_possible", "the entry is not there"]);
});

describe("a tool call whose arguments are typed", () => {
  const text = { kind: "text", values: null } as const;
  const to = { name: "to", required: true, nullable: false, type: text };
  const typed: RecordType = { kind: "record", members: [to] };
  const policies = loaded(
    `${permitTools}@id("eve") forbid (principal, action == Portcullis::Action::"send_email", resource)
when { context.arguments.to == "eve" };
@id("tried") @mode("shadow") forbid (principal, action == Portcullis::Action::"pay_invoice", resource)
when { context.arguments.to == "eve" };`,
    {
      ...testWorld,
      arguments: new Map([
        ["send_email", typed],
        ["pay_invoice", typed],
      ]),
    },
  );
  const decided = {
    ...action,
    tool: "send_email",
    effect_basis: "catalog" as const,
    revision: policies.revision.id,
  };
  const denied = {
    ...decided,
    decision: "deny" as const,
    policies: { ids: ["eve"], more: 0 },
    sign_offs: [],
  };
  const explainGiven = (leaf: DecidedLeaf, given: CommittedText) =>
    explainDecision(leaf, policies.revision.content, facing(inOffice, given));

  test("is explained with the argument that a policy looked at, where the payload is kept", () => {
    const { replay, detail, unknown, answers } = explainGiven(denied, ok('{"to":"eve"}'));
    assert.deepEqual([replay, detail, unknown], ["same", null, []]);
    const [clause] = answers[0]?.policies.find(({ id }) => id === "eve")?.clauses ?? [];
    assert.deepEqual(clause?.values, [{ name: "context.arguments.to", value: '"eve"', unknown: null }]);
    assert.equal(explainGiven(decided, ok('{"to":"ana"}')).replay, "same");
    assert.equal(explainGiven(decided, ok('{"to":"eve"}')).replay, "differs");
  });

  test("is never explained by arguments that nobody knows", () => {
    for (const given of [committed, ok('{"to":5}'), ok("no JSON")]) {
      const { replay, detail, unknown, answers } = explainGiven(denied, given);
      assert.equal(replay, "not_possible");
      assert.match(detail ?? "", /policies look at `context\.arguments`, which is not known/);
      assert.deepEqual(
        unknown.map(({ fact }) => fact),
        ["arguments"],
      );
      const eve = answers[0]?.policies.find(({ id }) => id === "eve");
      assert.deepEqual([eve?.applies, eve?.clauses[0]?.values[0]?.value], [null, null]);
    }
  });

  test("is explained without them where only a shadow, or nobody, looks at them", () => {
    const shadow = {
      decision: "hold" as const,
      error: false,
      policies: { ids: ["portcullis/floor"], more: 0 },
      sign_offs: ["default"],
    };
    const { replay, detail } = explainGiven({ ...decided, tool: "pay_invoice", shadow }, committed);
    assert.equal(replay, "same");
    assert.match(
      detail ?? "",
      /shadow policies cannot be explained fully: they look at `context\.arguments`/,
    );
    const unlisted = { ...decided, tool: "x", effect_basis: "uncatalogued" as const };
    assert.deepEqual(explainGiven(unlisted, committed).unknown, []);
  });
});
