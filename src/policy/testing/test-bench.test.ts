import assert from "node:assert/strict";
import { test } from "node:test";
import type { DecisionRequest } from "../decision.ts";
import { chat, loaded, permitCalls, permitTools, toolCall } from "../policy.test-support.ts";
import { TestBench } from "./test-bench.ts";

function coverageOf(text: string, requests: readonly DecisionRequest[]) {
  const bench = new TestBench(loaded(text));
  const point = bench.decisionPoint("assistant", undefined);
  for (const request of requests) point.decide(request);
  return bench.coverage().map(({ id, determined, satisfied }) => [id, determined, satisfied]);
}

const late = '@id("late") forbid (principal, action, resource) when { context.hour > 20 };\n';
const pii =
  '@id("pii") forbid (principal, action, resource) when { context.labels.contains("pii.email") };\n';

test("coverage tells what determined an outcome from what held beside and what never held", () => {
  assert.deepEqual(coverageOf(permitCalls + late + pii, [chat({ labels: ["pii.email"] })]), [
    ["calls", false, true],
    ["late", false, false],
    ["pii", true, true],
  ]);
});

test("the permit that takes effect once a hold is signed off counts as one that determines it", () => {
  assert.deepEqual(coverageOf(permitTools, [toolCall("send_email")]), [["tools", true, true]]);
});

test("a policy in shadow mode is covered by what it would have determined", () => {
  const shadow = pii.replace('@id("pii")', '@id("pii") @mode("shadow")');
  assert.deepEqual(coverageOf(permitCalls + shadow, [chat({ labels: ["pii.email"] })]), [
    ["calls", true, true],
    ["pii", true, true],
  ]);
});

test("groups of a test take the place of those in the config, for that test only", () => {
  const text = `@id("staff") permit (principal in Portcullis::Group::"staff", action, resource);
@id("contractors") permit (principal in Portcullis::Group::"contractors", action, resource);`;
  const bench = new TestBench(loaded(text));
  const decidedBy = (groups: readonly string[] | undefined) =>
    bench
      .decisionPoint("assistant", groups)
      .decide(chat())
      .policies.map(({ id }) => id);
  assert.deepEqual(decidedBy(["contractors"]), ["contractors"]);
  assert.deepEqual(decidedBy([]), []);
  assert.deepEqual(decidedBy(undefined), ["staff"]);
});
