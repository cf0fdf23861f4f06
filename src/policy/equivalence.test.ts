// What slicing and caching must not change: against Cedar itself, with the whole set and nothing remembered.

import assert from "node:assert/strict";
import { test } from "node:test";
import { preparsePolicySet, preparseSchema, statefulIsAuthorized } from "@cedar-policy/cedar-wasm/nodejs";
import fc from "fast-check";
import { cedarRequest } from "./cedar-request.ts";
import { counterUses } from "./counter-uses.ts";
import type { Decision, DecisionRequest } from "./decision.ts";
import type { LoadedPolicies } from "./load.ts";
import { actionFacts, callFacts, deciderOf, loaded, monday, testWorld } from "./policy.test-support.ts";
import { namesOf } from "./world-names.ts";

const wholeSet = "equivalence.test";

function prepareOracle(policies: LoadedPolicies): void {
  const staticPolicies = Object.fromEntries(policies.policies.map(({ id, source }) => [id, source.text]));
  assert.equal(preparseSchema(wholeSet, policies.schema).type, "success");
  assert.equal(preparsePolicySet(wholeSet, { staticPolicies }).type, "success");
}

/** Cedar's answer, or null for an error. */
function oracle(
  policies: LoadedPolicies,
  request: DecisionRequest,
  approvals: readonly string[],
): string | null {
  const described = cedarRequest(request, namesOf(policies), counterUses(policies.policies));
  const answer = statefulIsAuthorized({
    ...described,
    context: { ...described.context, approvals: [...approvals], signed_off: approvals.length > 0 },
    preparsedSchemaName: wholeSet,
    preparsedPolicySetId: wholeSet,
    validateRequest: true,
  });
  if (answer.type === "failure" || answer.response.diagnostics.errors.length > 0) return null;
  return `${answer.response.decision} ${[...answer.response.diagnostics.reason].sort().join()}`;
}

// An overflow in the evening; often enough that some run meets it.
const overflow = "context.hour * 512409557603043101 > 5";

const common = [
  "context.hour > 12",
  "context.weekday <= 5",
  'context.labels.contains("pii.email")',
  'context has user && context.user == "eve"',
  'context.source_address.isInRange(ip("10.0.0.0/8"))',
  'principal in Portcullis::Group::"staff"',
  'principal.owner == "ana"',
  overflow,
  overflow,
  overflow,
];
const ofCalls = [
  "context.input_tokens > 50",
  "context.stream",
  'context.tools.contains("t")',
  'resource in Portcullis::Provider::"openai"',
  "context has output_limit",
  "context.spend.month > 100",
  "200 >= context.spend.month",
  "context.rate.minute == 100",
  'context.rate.group["staff"].hour != 100',
  "context.tokens has user && context.tokens.user.day > 99",
];
const ofTools = ['context.effect == "read"', "context.unattended", 'resource.name == "send_email"'];
const signed = [
  'context.approvals.contains("finance")',
  'context.approvals.contains("legal")',
  "context.signed_off",
];

const scopes = [
  { actions: '"chat"', conditions: [...common, ...ofCalls] },
  { actions: '"chat", "embed"', conditions: [...common, ...ofCalls] },
  { actions: '"call_tool"', conditions: [...common, ...ofTools] },
  { actions: '"send_email", "uncatalogued_tool"', conditions: [...common, ...ofTools] },
  { actions: '"chat", "call_tool"', conditions: common },
];

const policy = fc.constantFrom(...scopes).chain(({ actions, conditions }) =>
  fc.record({
    effect: fc.constantFrom("permit", "permit", "forbid"),
    actions: fc.constant(
      actions
        .replaceAll('"', '"')
        .split(", ")
        .map((name) => `Portcullis::Action::${name}`)
        .join(", "),
    ),
    when: fc.array(fc.constantFrom(...conditions), { maxLength: 2 }),
    signOffs: fc.array(fc.constantFrom(...signed), { maxLength: 2 }),
  }),
);

function written(
  parts: { effect: string; actions: string; when: readonly string[]; signOffs: readonly string[] },
  index: number,
): string {
  const clauses = parts.when.map((condition) => `when { ${condition} }`);
  const signOffs = parts.signOffs.join(" || ");
  if (signOffs !== "") clauses.push(`${parts.effect === "permit" ? "when" : "unless"} { ${signOffs} }`);
  return `@id("p${index}") ${parts.effect} (principal, action in [${parts.actions}], resource) ${clauses.join(" ")};`;
}

const circumstances = {
  labels: fc.subarray(["pii.email", "other"]),
  user: fc.constantFrom("eve", "ana"),
  source_address: fc.constantFrom("10.0.0.1", "::1"),
  time: fc.constantFrom(
    monday,
    monday + 4 * 3_600_000,
    monday + 10 * 3_600_000,
    monday + 11 * 3_600_000,
    monday - 86_400_000,
  ),
};
const principal = fc.constantFrom({ id: "assistant" }, { id: "batch" });
const callRequest = fc.record({
  action: fc.constantFrom("chat" as const, "embed" as const),
  principal,
  model: fc.constantFrom("demo/a", "openai/b"),
  context: fc
    .record(
      {
        ...circumstances,
        input_tokens: fc.constantFrom(1, 100),
        stream: fc.boolean(),
        tools: fc.subarray(["t"]),
        output_limit: fc.constant(5),
        counters: fc.record(
          Object.fromEntries(
            ["spend.month", "rate.minute", "rate.group.staff.hour", "tokens.user.day"].map((path) => [
              path,
              fc.constantFrom(0, 99, 100, 101, 200, 201),
            ]),
          ),
        ),
      },
      { requiredKeys: ["counters"] },
    )
    .map((facts) => ({ ...callFacts, ...facts, counters: ofUser(facts.counters, facts.user) })),
});
function ofUser(
  counters: Readonly<Record<string, number>>,
  user: string | undefined,
): Readonly<Record<string, number | null>> {
  return user === undefined ? { ...counters, "tokens.user.day": null } : counters;
}

const toolRequest = fc.record({
  action: fc.constant("call_tool" as const),
  principal,
  tool: fc.constantFrom("send_email", "get_weather", "unknown"),
  context: fc
    .record(
      {
        ...circumstances,
        effect: fc.constantFrom("read" as const, "write" as const),
        unattended: fc.boolean(),
      },
      { requiredKeys: [] },
    )
    .map((facts) => ({ ...actionFacts, ...facts })),
});
const request: fc.Arbitrary<DecisionRequest> = fc.oneof(
  callRequest,
  toolRequest.map((one) => ({ ...one, catalogued: testWorld.tools.includes(one.tool) })),
);

test("sliced and cached decisions are those of Cedar with the whole set", () => {
  const seen = { permit: 0, hold: 0, deny: 0, error: 0 };
  const policySets = fc.array(policy, { minLength: 1, maxLength: 6 });
  const requestLists = fc.array(request, { minLength: 6, maxLength: 12 });
  fc.assert(
    fc.property(policySets, requestLists, (parts, requests) => {
      const policies = loaded(parts.map(written).join("\n"));
      const { decide } = deciderOf(policies);
      prepareOracle(policies);
      // Those decided first are in the cache while the others are decided.
      for (const one of [...requests, ...requests.toReversed()]) {
        const decision = decide(one);
        seen[decision.error === null ? decision.outcome : "error"] += 1;
        agrees(policies, one, decision);
      }
    }),
    { numRuns: 25 },
  );
  for (const [outcome, times] of Object.entries(seen)) assert.ok(times > 0, `never saw ${outcome}`);
});

function agrees(policies: LoadedPolicies, one: DecisionRequest, decision: Decision): void {
  const ids = decision.policies.map(({ id }) => id).join();
  if (decision.error !== null) {
    assert.equal(decision.outcome, "deny");
    assert.ok(subsets.some((approvals) => oracle(policies, one, approvals) === null));
    return;
  }
  switch (decision.outcome) {
    case "permit":
      return assert.equal(oracle(policies, one, []), `allow ${ids}`);
    case "deny":
      assert.match(oracle(policies, one, []) ?? "", /^deny/);
      return assert.equal(oracle(policies, one, testWorld.signOffs), `deny ${ids}`);
    case "hold":
      assert.match(oracle(policies, one, []) ?? "", /^deny/);
      assert.match(oracle(policies, one, decision.signOffs) ?? "", /^allow/);
      for (const name of decision.signOffs) {
        const fewer = decision.signOffs.filter((other) => other !== name);
        assert.match(oracle(policies, one, fewer) ?? "", /^deny/, "the set is not the smallest");
      }
  }
}

const subsets = Array.from({ length: 2 ** testWorld.signOffs.length }, (_, bits) =>
  testWorld.signOffs.filter((_name, index) => (bits >> index) % 2 === 1),
);
