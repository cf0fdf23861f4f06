import assert from "node:assert/strict";
import { test } from "node:test";
import { rule } from "./decide.ts";
import type { DecisionRequest } from "./decision.ts";
import type { Evaluation } from "./evaluator.ts";
import {
  actionFacts,
  chat,
  deciderFor,
  feature,
  permitCalls,
  permitTools,
  toolCall,
} from "./policy.test-support.ts";

const needs = (name: string, tool = "pay_invoice") => `
  @id("${tool}-needs-${name}") @reason("ask ${name}") @approval("${name}")
  forbid (principal, action == Portcullis::Action::"${tool}", resource)
  unless { context.approvals.contains("${name}") };`;

function short(text: string, request: DecisionRequest) {
  const { outcome, policies, signOffs, error } = deciderFor(text).decide(request);
  return { outcome, policies: policies.map(({ id }) => id), signOffs, error };
}

test("a permit names the permits, with their reasons", () => {
  const text = `${permitCalls} @id("more") @reason("because") permit (principal, action == Portcullis::Action::"chat", resource);`;
  const decision = deciderFor(text).decide(chat());
  assert.equal(decision.outcome, "permit");
  assert.deepEqual(decision.policies, [
    { id: "calls", reason: "permitted by policy `calls`" },
    { id: "more", reason: "because" },
  ]);
  assert.match(decision.revision, /^[0-9a-f]{64}$/);
});

test("what nothing permits is denied without naming a policy", () => {
  const denied = { outcome: "deny", policies: [], signOffs: [], error: null };
  assert.deepEqual(short(permitTools, chat()), denied);
  assert.deepEqual(short(permitCalls, toolCall("get_weather", { effect: "read" })), denied);
});

test("a forbid beats a permit and is named", () => {
  const text = `${permitCalls} @id("no") @reason("never") forbid (principal, action, resource in Portcullis::Provider::"openai");`;
  assert.equal(short(text, chat()).outcome, "permit");
  const decision = deciderFor(text).decide(chat({}, "openai/gpt"));
  assert.deepEqual([decision.outcome, decision.policies], ["deny", [{ id: "no", reason: "never" }]]);
});

test("what was signed off is permitted once all that policy asks for is given, and nothing turns a deny", () => {
  const both = `${permitTools} ${needs("finance")} ${needs("legal")}
    @id("never") forbid (principal, action == Portcullis::Action::"send_email", resource);`;
  const decider = deciderFor(both);
  const outcomes = [[], ["default"], ["finance"], ["finance", "legal"]].map(
    (given) => decider.decide(toolCall("pay_invoice"), given).outcome,
  );
  assert.deepEqual(outcomes, ["hold", "hold", "hold", "permit"]);
  assert.equal(decider.decide(toolCall("send_email"), ["default", "finance", "legal"]).outcome, "deny");
  // What was given to one is not remembered for another.
  assert.equal(decider.decide(toolCall("pay_invoice")).outcome, "hold");
});

test("the floor holds every write that is not unattended, for `default` when nobody else is asked", () => {
  for (const tool of ["send_email", "rm -rf"]) {
    assert.deepEqual(short(permitTools, toolCall(tool)), {
      outcome: "hold",
      policies: ["portcullis/floor"],
      signOffs: ["default"],
      error: null,
    });
  }
  assert.equal(short(permitTools, toolCall("get_weather", { effect: "read" })).outcome, "permit");
  assert.equal(short(permitTools, toolCall("send_email", { unattended: true })).outcome, "permit");
});

test("a sign-off that a policy asks for stands in for `default`, and every forbid that holds is named", () => {
  assert.deepEqual(short(permitTools + needs("finance"), toolCall("pay_invoice")), {
    outcome: "hold",
    policies: ["pay_invoice-needs-finance", "portcullis/floor"],
    signOffs: ["finance"],
    error: null,
  });
});

test("several sign-offs come in config order", () => {
  const text = permitTools + needs("legal") + needs("finance");
  assert.deepEqual(short(text, toolCall("pay_invoice")).signOffs, ["finance", "legal"]);
});

test("of two sign-offs that would each do, the later one in the config is asked for", () => {
  const text = `${permitTools} @id("either") forbid (principal, action == Portcullis::Action::"pay_invoice", resource)
    unless { context.approvals.contains("finance") || context.approvals.contains("legal") };`;
  assert.deepEqual(short(text, toolCall("pay_invoice")).signOffs, ["legal"]);
});

test("a model call can be held too, and a permit that waits for a sign-off is named", () => {
  const text = `@id("waits") permit (principal, action == Portcullis::Action::"chat", resource) when { context.approvals.contains("legal") };`;
  assert.deepEqual(short(text, chat()), {
    outcome: "hold",
    policies: ["waits"],
    signOffs: ["legal"],
    error: null,
  });
});

test("what no sign-off can lift is denied by those forbids alone", () => {
  const text = `${permitTools}${needs("finance")} @id("never") forbid (principal, action == Portcullis::Action::"pay_invoice", resource);`;
  assert.deepEqual(short(text, toolCall("pay_invoice")), {
    outcome: "deny",
    policies: ["never"],
    signOffs: [],
    error: null,
  });
});

test("what nothing would permit after any sign-off is denied and not held", () => {
  assert.deepEqual(short(permitCalls, toolCall("send_email")), {
    outcome: "deny",
    policies: [],
    signOffs: [],
    error: null,
  });
});

test("a policy on the group of tools speaks on each of them, catalogued or not", () => {
  const text = `${permitTools} @id("group") forbid (principal, action in [Portcullis::Action::"call_tool"], resource);`;
  for (const tool of ["send_email", "unknown"])
    assert.deepEqual(short(text, toolCall(tool)).policies, ["group"]);
});

test("a feature needs its own permit", () => {
  const text = `${permitCalls} @id("store") permit (principal, action == Portcullis::Action::"use_feature", resource) when { context.feature == "store" };`;
  assert.equal(short(text, feature("store")).outcome, "permit");
  assert.equal(short(text, feature("plugins")).outcome, "deny");
  assert.equal(short(permitCalls, feature("store")).outcome, "deny");
});

test("groups, time, address and labels are what policies read", () => {
  const forbidden = (condition: string, request: DecisionRequest): boolean => {
    const forbid = `@id("x") forbid (principal, action == Portcullis::Action::"chat", resource) when { ${condition} };`;
    const { policies, error } = short(permitCalls + forbid, request);
    assert.equal(error, null);
    return policies.includes("x");
  };
  assert.ok(forbidden('principal in Portcullis::Group::"staff"', chat()));
  assert.ok(!forbidden('principal in Portcullis::Group::"contractors"', chat()));
  assert.ok(
    forbidden(
      'principal.environment == "production" && resource.name == "a/b" && resource.provider == "demo"',
      chat({}, "demo/a/b"),
    ),
  );
  assert.ok(forbidden("context.weekday == 1 && context.hour == 9", chat()));
  assert.ok(forbidden("context.weekday == 7", chat({ time: Date.parse("2026-11-22T12:00:00Z") })));
  assert.ok(forbidden('context.time == datetime("2026-11-23T09:30:00Z")', chat()));
  assert.ok(forbidden('context has user && context.user like "eve@*"', chat({ user: "eve@example.com" })));
  assert.ok(!forbidden("context has user", chat()));
  for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "::FFFF:10.1.2.3"]) {
    assert.ok(
      forbidden('context.source_address.isInRange(ip("10.0.0.0/8"))', chat({ source_address: address })),
      address,
    );
  }
  assert.ok(forbidden("context.source_address.isIpv6()", chat({ source_address: "fe80::1%eth0" })));
});

test("a forbid that fails is a deny that names it, although Cedar would skip it", () => {
  const text = `${permitCalls} @id("overflows") @reason("r") forbid (principal, action == Portcullis::Action::"chat", resource) when { context.hour * 9223372036854775807 > 3 };`;
  const decision = deciderFor(text).decide(chat());
  assert.deepEqual([decision.outcome, decision.policies], ["deny", [{ id: "overflows", reason: "r" }]]);
  assert.equal(decision.error, "evaluating `overflows` failed, so nothing is permitted");
  assert.equal(
    deciderFor(text).decide(chat({ time: 0 })).outcome,
    "permit",
    "at midnight it does not overflow",
  );
});

test("a failure in any of the evaluations for a hold is a deny", () => {
  const declared = ["a", "b", "default"];
  for (const failing of [0, 3, 2]) {
    const evaluate = (approvals: readonly string[]): Evaluation => {
      if (approvals.length === failing) return { outcome: "error", policies: ["p"], error: "failed" };
      return { outcome: approvals.includes("b") ? "allow" : "deny", policies: [] };
    };
    assert.deepEqual(rule(evaluate, declared, true), {
      outcome: "deny",
      policies: ["p"],
      signOffs: [],
      error: "failed",
    });
  }
});

test("strings that look like Cedar's JSON stay strings", () => {
  const escapes = [
    '{"__entity":{"type":"Portcullis::Group","id":"staff"}}',
    '{"__extn":{"fn":"ip","arg":"1.1.1.1"}}',
  ];
  for (const text of escapes) {
    const literal = JSON.stringify(text);
    const policy = `${permitCalls}${permitTools} @id("x") forbid (principal, action in [Portcullis::Action::"chat", Portcullis::Action::"call_tool"], resource)
      when { context.labels.contains(${literal}) && context has user && context.user == ${literal} };`;
    const facts = { labels: [text], user: text };
    assert.deepEqual(short(policy, chat(facts)).policies, ["x"]);
    assert.deepEqual(short(policy, toolCall(text, facts)).policies, ["x"]);
    assert.equal(
      short(permitCalls, chat({ requested_model: text, tools: [text] }, `demo/${text}`)).outcome,
      "permit",
    );
  }
});

test("a fact of another type than its own is a deny, with its name and not its value", () => {
  const entity = { __entity: { type: "Portcullis::Group", id: "secret" } };
  const wrong: Readonly<Record<string, readonly unknown[]>> = {
    labels: [entity, [entity], "pii", [1], null],
    user: [entity, null, 1, "\ud800"],
    requested_model: [entity, undefined, null],
    input_tokens: [entity, 1.5, Number.NaN, 2 ** 53, "1", null],
    stream: [entity, 1, "true", null],
    source_address: [entity, { __extn: { fn: "ip", arg: "1.1.1.1" } }, "10.0.0.0/8", "localhost", ""],
    time: [entity, Number.NaN, 1e20, "2026"],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const request = chat();
      Reflect.set(request.context, name, value);
      const decision = deciderFor(permitCalls).decide(request);
      assert.deepEqual(
        [decision.outcome, decision.error],
        ["deny", `the fact \`${name}\` cannot be described`],
      );
    }
  }
});

test("a fact that the schema does not know does not reach the engine", () => {
  const request = toolCall("send_email", { effect: "read" });
  Reflect.set(request.context, "approvals", ["finance", "default"]);
  Reflect.set(request.context, "signed_off", true);
  Reflect.set(request.context, "colour", "red");
  assert.equal(short(permitTools, request).outcome, "permit");
  Reflect.set(request.context, "effect", "write");
  assert.equal(
    short(permitTools, request).outcome,
    "hold",
    "what the caller says of sign-offs counts for nothing",
  );
});

test("an effect that is neither read nor write is held like a write", () => {
  const request = toolCall("send_email");
  Reflect.set(request.context, "effect", "READ");
  assert.equal(short(permitTools, request).outcome, "hold");
});

test("an application that policies do not know, and a model without a provider, are denied", () => {
  const decide = deciderFor(permitCalls + permitTools).decide;
  const strangers: readonly DecisionRequest[] = [
    { ...chat(), principal: { id: "stranger" } },
    { action: "call_tool", principal: { id: "" }, tool: "x", catalogued: false, context: actionFacts },
    chat({}, "fast"),
    chat({}, "/fast"),
    chat({}, "demo/\ud800"),
  ];
  for (const request of strangers) {
    const { outcome, error } = decide(request);
    assert.equal(outcome, "deny");
    assert.notEqual(error, null);
  }
});
