// Policies in shadow mode: recorded as if they were enforced, and never enforced.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CedarEngines } from "./cedar-engine.ts";
import { decider } from "./decider.ts";
import { DecisionCache } from "./decision-cache.ts";
import type { Evaluator } from "./evaluator.ts";
import { chat, deciderFor, loaded, permitCalls, permitTools, toolCall } from "./policy.test-support.ts";
import { slicePolicies } from "./slice.ts";

const shadow = (rest: string, effect = "forbid", scope = "principal, action, resource"): string =>
  `@id("tried") @mode("shadow") ${effect} (${scope}) ${rest};\n`;
const overflow = "when { context.hour * 9223372036854775807 > 3 }";

test("a forbid in shadow mode forbids nothing, and what it would forbid is told beside", () => {
  const { decide } = deciderFor(permitCalls + shadow('when { context.labels.contains("pii.email") }'));
  const told = decide(chat({ labels: ["pii.email"] }));
  assert.equal(told.outcome, "permit");
  assert.deepEqual(
    told.policies.map(({ id }) => id),
    ["calls"],
  );
  assert.equal(told.shadow?.outcome, "deny");
  assert.deepEqual(told.shadow.policies, [{ id: "tried", reason: "forbidden by policy `tried`" }]);
  assert.equal(decide(chat()).shadow?.outcome, "permit");
});

test("a permit in shadow mode permits nothing", () => {
  const decision = deciderFor(shadow("", "permit")).decide(chat());
  assert.deepEqual([decision.outcome, decision.shadow?.outcome], ["deny", "permit"]);
});

test("a sign-off that only a shadow asks for is told and not asked for", () => {
  const finance = 'unless { context.approvals.contains("finance") }';
  const { decide } = deciderFor(permitCalls + permitTools + shadow(finance));
  const call = decide(chat());
  assert.deepEqual([call.outcome, call.signOffs], ["permit", []]);
  assert.deepEqual([call.shadow?.outcome, call.shadow?.signOffs], ["hold", ["finance"]]);
  const action = decide(toolCall("send_email"));
  assert.deepEqual([action.outcome, action.signOffs], ["hold", ["default"]]);
  assert.deepEqual([action.shadow?.outcome, action.shadow?.signOffs], ["hold", ["finance"]]);
});

test("a shadow that cannot be evaluated denies nothing, and is asked again", () => {
  const cache = new DecisionCache(10);
  const { decide } = deciderFor(permitCalls + shadow(overflow), cache);
  const decision = decide(chat());
  assert.deepEqual([decision.outcome, decision.error], ["permit", null]);
  assert.equal(decision.shadow?.outcome, "deny");
  assert.match(decision.shadow.error ?? "", /`tried`/);
  assert.equal(cache.size, 0);
});

test("the floor is never a shadow, and none can stand in for it", () => {
  const { decide } = deciderFor(permitTools + shadow("", "permit"));
  assert.equal(decide(toolCall("send_email")).outcome, "hold");
  const text = permitTools + shadow("");
  const slices = slicePolicies(loaded(text).policies, loaded(text).world);
  for (const tool of ["send_email", "uncatalogued_tool"]) {
    assert.ok(slices.get(tool)?.policies.some(({ id }) => id === "portcullis/floor"));
  }
});

test("without a shadow that speaks on the action nothing more is evaluated", () => {
  const policies = loaded(
    permitCalls +
      permitTools +
      shadow("", "forbid", 'principal, action in Portcullis::Action::"call_tool", resource'),
  );
  const slices = slicePolicies(policies.policies, policies.world);
  const engine = new CedarEngines().prepare(policies, slices);
  let evaluations = 0;
  const counting: Evaluator = {
    evaluate: (...asked) => {
      evaluations += 1;
      return engine.evaluate(...asked);
    },
  };
  const { decide } = decider(policies, slices, counting);
  assert.equal(decide(chat()).shadow, null);
  assert.equal(evaluations, 1);
  decide(toolCall("send_email", { effect: "read" }));
  const withShadow = evaluations;
  assert.ok(withShadow > 2);
  assert.equal(decide(toolCall("send_email", { effect: "read" })).shadow?.outcome, "deny");
  assert.equal(evaluations, withShadow, "a remembered decision holds the shadow's too");
});

const conditions = [
  "context.hour > 12",
  'context.labels.contains("pii.email")',
  "context.stream",
  'context has user && context.user == "eve"',
  'resource in Portcullis::Provider::"openai"',
];
const policy = fc.record({
  effect: fc.constantFrom("permit", "forbid"),
  condition: fc.constantFrom(...conditions),
  shadow: fc.boolean(),
});
const request = fc
  .record({
    labels: fc.subarray(["pii.email"]),
    stream: fc.boolean(),
    user: fc.constantFrom("eve", "ana"),
    time: fc.constantFrom(0, 46_800_000),
    model: fc.constantFrom("demo/a", "openai/b"),
  })
  .map(({ model, ...facts }) => chat(facts, model));

test("what is enforced is what the set without shadows says, and what is told what it says with them enforced", () => {
  fc.assert(
    fc.property(
      fc.array(policy, { minLength: 1, maxLength: 6 }),
      fc.array(request, { maxLength: 8 }),
      (parts, requests) => {
        const written = (keep: (shadow: boolean) => boolean, annotated: boolean): string =>
          parts
            .map(({ effect, condition, shadow: isShadow }, index) =>
              keep(isShadow)
                ? `@id("p${index}") ${isShadow && annotated ? '@mode("shadow")' : ""} ${effect} (principal, action == Portcullis::Action::"chat", resource) when { ${condition} };`
                : "",
            )
            .join("\n");
        const shadowed = deciderFor(written(() => true, true));
        const without = deciderFor(`${written((isShadow) => !isShadow, true)}\n`);
        const enforced = deciderFor(written(() => true, false));
        for (const one of [...requests, ...requests]) {
          const { revision: _revision, shadow: told, ...decision } = shadowed.decide(one);
          const { revision: _other, shadow: _none, ...expected } = without.decide(one);
          assert.deepEqual(decision, expected);
          const { revision: _third, shadow: _neither, ...ifEnforced } = enforced.decide(one);
          assert.deepEqual(told, parts.some((part) => part.shadow) ? ifEnforced : null);
        }
      },
    ),
    { numRuns: 40 },
  );
});
