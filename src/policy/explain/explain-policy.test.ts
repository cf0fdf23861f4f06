// An explanation may never say something else than the decision: it is held against Cedar's answer about the whole policy.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CedarEngines } from "../cedar-engine.ts";
import { cedarRequest } from "../cedar-request.ts";
import { chat, loaded } from "../policy.test-support.ts";
import { slicePolicies } from "../slice.ts";
import { namesOf } from "../world-names.ts";
import { ClauseOracle } from "./clause-oracle.ts";
import { type ExplainedPolicy, explainPolicy } from "./explain-policy.ts";

function explained(
  rest: string,
  request = chat(),
  unknown: ReadonlyMap<string, string> = new Map(),
  approvals: readonly string[] = [],
): ExplainedPolicy {
  const policies = loaded(`@id("x") ${rest};`);
  const policy = policies.policies.at(-1);
  assert.ok(policy);
  const described = cedarRequest(request, namesOf(policies));
  return explainPolicy(
    policy,
    { request: described, approvals, unknown },
    new ClauseOracle(policies, described, approvals),
  );
}

const onChat = 'forbid (principal, action == Portcullis::Action::"chat", resource)';

test("each part of a condition has its own answer, with the values that it looked at", () => {
  const { applies, clauses, flip } = explained(
    `${onChat} when { context.hour < 12 && principal in Portcullis::Group::"staff" } unless { principal.owner == "eve" }`,
  );
  assert.equal(applies, true);
  const [when, unless] = clauses;
  assert.deepEqual(
    when?.parts.map(({ text, holds, values }) => [
      text,
      holds,
      values.map(({ name, value }) => `${name}: ${value}`),
    ]),
    [
      ["context.hour < 12", true, ["context.hour: 9"]],
      ['principal in Portcullis::Group::"staff"', true, ['principal: "assistant" in "staff"']],
    ],
  );
  assert.deepEqual([unless?.holds, unless?.values[0]?.value], [false, '"ana"']);
  assert.match(flip ?? "", /^it would not apply if `context.hour < 12` did not hold, or .* held$/);
});

test("a guard that does not hold keeps what stands behind it from being reached", () => {
  const { clauses } = explained(`${onChat} when { context has user && context.user == "eve" }`);
  assert.deepEqual(
    clauses[0]?.parts.map(({ holds }) => holds),
    [false, null],
  );
  assert.equal(clauses[0]?.holds, false);
});

test("a scope that does not match is told, and no clause is", () => {
  const { scopeHolds, applies, clauses } = explained(
    'forbid (principal == Portcullis::Application::"batch", action, resource) when { context.hour < 12 }',
  );
  assert.deepEqual([scopeHolds, applies, clauses], [false, false, []]);
});

test("what reads an unknown fact is unknown, unless the rest decides", () => {
  const unknown = new Map([["user", "only a pseudonym"]]);
  const request = chat({ user: "" });
  const of = (condition: string) => explained(`${onChat} when { ${condition} }`, request, unknown).applies;
  assert.equal(of('context has user && context.user == "eve"'), null);
  assert.equal(of("context has user"), true);
  assert.equal(of('context.hour > 12 && context has user && context.user == "eve"'), false);
  assert.equal(of('context.hour < 12 || (context has user && context.user == "eve")'), true);
  assert.equal(of('!(context has user && context.user == "eve")'), null);
});

test("what single change would make a policy apply is said only where there is one", () => {
  const of = (rest: string) => explained(`${onChat} ${rest}`).flip;
  assert.equal(
    of("when { context.hour > 12 && context.weekday == 1 }"),
    "it would apply if `context.hour > 12` held",
  );
  assert.equal(of("when { context.hour > 12 && context.weekday == 2 }"), null);
  assert.equal(
    of("unless { context.hour < 12 || context.weekday == 2 }"),
    "it would apply if `context.hour < 12` did not hold",
  );
  assert.equal(of("when { context.hour > 12 } unless { context.hour < 12 }"), null);
});

const atoms = [
  "context.hour > 8",
  "context.hour > 20",
  "context.stream",
  'context.labels.contains("pii.email")',
  "context has output_limit",
  "context has output_limit && context.output_limit > 5",
  'resource in Portcullis::Provider::"openai"',
  'principal.owner == "ana"',
];
const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(...atoms),
    fc
      .tuple(tie("condition"), fc.constantFrom("&&", "||"), tie("condition"))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie("condition").map((one) => `!(${one})`),
  ),
}));

test("clauses together say of any policy what Cedar says of it", () => {
  const seen = new Set<boolean | null>();
  fc.assert(
    fc.property(
      condition,
      fc.option(condition),
      fc.record(
        { stream: fc.boolean(), labels: fc.subarray(["pii.email"]), output_limit: fc.constantFrom(1, 9) },
        { requiredKeys: [] },
      ),
      (when, unless, facts) => {
        const text = `@id("x") permit (principal, action == Portcullis::Action::"chat", resource) when { ${when} }${unless === null ? "" : ` unless { ${unless} }`};`;
        // Conditions that can never hold are refused when they are loaded.
        const policies = tryLoaded(text);
        fc.pre(policies !== null);
        const request = cedarRequest(chat(facts), namesOf(policies));
        const oracle = new ClauseOracle(policies, request, []);
        const policy = policies.policies.at(-1);
        assert.ok(policy);
        const { applies } = explainPolicy(policy, { request, approvals: [], unknown: new Map() }, oracle);
        seen.add(applies);
        const slices = slicePolicies(policies.policies, policies.world);
        const { outcome } = new CedarEngines("explained")
          .prepare(policies, slices)
          .evaluate(request, [], false);
        assert.equal(applies, outcome === "allow");
      },
    ),
    { numRuns: 60 },
  );
  assert.ok(seen.has(true) && seen.has(false));
});

function tryLoaded(text: string): ReturnType<typeof loaded> | null {
  try {
    return loaded(text);
  } catch {
    return null;
  }
}
