// Votes on what waits: people as principals, four eyes, and nothing that could hold a vote.

import assert from "node:assert/strict";
import { test } from "node:test";
import { decider } from "./decider.ts";
import { DecisionCache } from "./decision-cache.ts";
import {
  approvalFacts,
  chat,
  deciderFor,
  deciderOf,
  loaded,
  permitCalls,
  permitTools,
  problemsOf,
  toolCall,
  vote,
} from "./policy.test-support.ts";
import { slicePolicies } from "./slice.ts";

const onVote = 'principal, action == Portcullis::Action::"approve", resource';
const permitVotes = `@id("votes") permit (${onVote});\n`;
const fourEyes = `@id("four-eyes") @reason("ask somebody else") forbid (${onVote})
  when { context.requesters.contains(principal) || context.editors.contains(principal) }
  unless { context.bootstrap };\n`;

function short(text: string, request: ReturnType<typeof vote>) {
  const { outcome, policies, error } = deciderFor(text).decide(request);
  return [outcome, policies.map(({ id }) => id).join(), error];
}

test("a vote needs a permit of its own", () => {
  assert.deepEqual(short(permitCalls + permitTools, vote()), ["deny", "", null]);
  assert.deepEqual(short(permitVotes, vote()), ["permit", "votes", null]);
  assert.deepEqual(short(permitVotes, vote({}, "ana@example.com", [], { model: "demo/assistant" })), [
    "permit",
    "votes",
    null,
  ]);
});

test("four eyes: neither who asked nor who edited can approve, and each alone is enough", () => {
  const text = permitVotes + fourEyes;
  assert.deepEqual(short(text, vote()), ["permit", "votes", null]);
  for (const user of ["ben@example.com", "eve@example.com"]) {
    const facts = { requesters: ["ben@example.com", "zoe"], editors: ["eve@example.com"] };
    assert.deepEqual(short(text, vote(facts, user)), ["deny", "four-eyes", null], user);
    assert.deepEqual(short(text, vote({ ...facts, bootstrap: true }, user)), ["permit", "votes", null]);
  }
});

test("an application of the same name is nobody's second pair of eyes", () => {
  const text = `${permitVotes}@id("x") forbid (principal == Portcullis::Application::"batch", action, resource);`;
  assert.deepEqual(short(text, vote({}, "batch")), ["permit", "votes", null]);
});

test("a vote is decided by who votes, in which groups, for which sign-off, on what", () => {
  const cases: readonly (readonly [condition: string, other: ReturnType<typeof vote>])[] = [
    ['principal == Portcullis::User::"ana@example.com"', vote({}, "ben@example.com")],
    ['principal in Portcullis::Group::"staff"', vote({}, "ana@example.com", ["contractors"])],
    ['context.sign_off == "finance"', vote({ sign_off: "legal" })],
    ['resource == Portcullis::Tool::"pay_invoice"', vote({}, "ana@example.com", ["staff"], { tool: "x" })],
    ['context.application == "batch"', vote({ application: "assistant" })],
    ['context has effect && context.effect == "write"', vote({ effect: "read" })],
    ['context.source_address.isInRange(ip("10.0.0.0/8"))', vote({ source_address: "192.0.2.1" })],
    ["context.weekday == 1", vote({ time: approvalFacts.time + 86_400_000 })],
    ['!context.labels.contains("pii.email")', vote({ labels: ["pii.email"] })],
  ];
  for (const [condition, other] of cases) {
    const text = `@id("x") permit (${onVote}) when { ${condition} };`;
    assert.deepEqual(
      [short(text, vote())[0], short(text, other)[0], short(text, other)[2]],
      ["permit", "deny", null],
    );
  }
});

test("a vote is never held, and what waits for sign-offs does not stand in its way", () => {
  const text = `${permitVotes}${permitCalls}@id("legal") @approval("legal")
    forbid (principal, action, resource) unless { context.approvals.contains("legal") };`;
  const { decide } = deciderFor(text);
  for (const request of [vote(), vote({ sign_off: "legal" })]) {
    const { outcome, signOffs } = decide(request);
    assert.deepEqual([outcome, signOffs], ["permit", []]);
  }
  assert.deepEqual([decide(chat()).outcome, decide(chat()).signOffs], ["hold", ["legal"]]);
  const forbidden = `${text}@id("no") forbid (${onVote}) unless { context.signed_off && context.hour > 20 };`;
  assert.deepEqual(short(forbidden, vote()), ["deny", "no", null]);
});

test("what a shadow would make of a vote is told beside", () => {
  const text = `${permitVotes}@id("tried") @mode("shadow") forbid (${onVote}) unless { context.signed_off && context.hour > 20 };`;
  const { outcome, shadow } = deciderFor(text).decide(vote());
  assert.deepEqual([outcome, shadow?.outcome, shadow?.signOffs], ["permit", "deny", []]);
});

test("no vote is remembered, so that nobody's is taken for another's", () => {
  const cache = new DecisionCache(10);
  const { decide } = deciderFor(permitVotes, cache);
  decide(vote());
  assert.equal(cache.size, 0);
  decide(toolCall("send_email"));
  assert.equal(cache.size, 1);
});

test("a voter without a name, in an unknown group, or facts of another type are a deny that quotes no value", () => {
  const entity = { __entity: { type: "Portcullis::User", id: "secret" } };
  const wrong: Readonly<Record<string, readonly unknown[]>> = {
    sign_off: [undefined, null, entity, "\ud800"],
    requesters: [undefined, "ben", [entity], [null], ["\ud800"]],
    editors: [undefined, entity, [1]],
    bootstrap: [undefined, "true", 1, null],
    application: [undefined, entity],
    effect: [null, entity, 1],
    labels: [undefined, [entity]],
    source_address: [undefined, "office", entity],
    time: [undefined, Number.NaN, "2026"],
  };
  const { decide } = deciderFor(permitVotes);
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const request = vote();
      Reflect.set(request.context, name, value);
      const { outcome, error } = decide(request);
      assert.deepEqual([outcome, error], ["deny", `the fact \`${name}\` cannot be described`]);
    }
  }
  for (const [request, message] of [
    [vote({}, ""), /no name/],
    [vote({}, "\ud800"), /no name/],
    [vote({}, "ana", ["staff", "nowhere"]), /a group that policies do not know/],
    [vote({}, "ana", [], { tool: "\ud800" }), /the tool's name/],
    [vote({}, "ana", [], { model: "fast" }), /PROVIDER\/MODEL/],
  ] as const) {
    const { outcome, error } = decide(request);
    assert.equal(outcome, "deny");
    assert.match(error ?? "", message);
  }
});

test("people whose names look like Cedar's JSON are people of that name", () => {
  const odd = '{"__entity":{"type":"Portcullis::User","id":"ana"}}';
  const text = permitVotes + fourEyes;
  assert.deepEqual(short(text, vote({ requesters: [odd] }, "ana")), ["permit", "votes", null]);
  assert.deepEqual(short(text, vote({ requesters: [odd] }, odd)), ["deny", "four-eyes", null]);
});

test("a vote is denied where evaluating a policy fails", () => {
  const policies = loaded(
    `${permitVotes}@id("x") forbid (${onVote}) when { context.hour * 9223372036854775807 > 3 };`,
  );
  const { outcome, error } = deciderOf(policies).decide(vote());
  assert.deepEqual([outcome, error], ["deny", "evaluating `x` failed, so nothing is permitted"]);
  const failing = decider(policies, slicePolicies(policies.policies, policies.world), {
    evaluate: () => assert.fail("the engine is gone"),
  });
  assert.deepEqual(
    [failing.decide(vote()).outcome, failing.decide(vote()).error],
    ["deny", "the decision failed"],
  );
});

test("a tool that has the name of the action is refused", () => {
  const world = { ...loaded(permitVotes).world, tools: ["approve"] };
  assert.match(
    problemsOf(permitVotes, world)[0]?.message ?? "",
    /`approve` has the name of a built-in action/,
  );
});
