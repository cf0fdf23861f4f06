import assert from "node:assert/strict";
import { test } from "node:test";
import { CedarEngines } from "./cedar-engine.ts";
import { decider } from "./decider.ts";
import type { LoadedPolicies } from "./load.ts";
import { chat, loaded, permitCalls } from "./policy.test-support.ts";
import { slicePolicies } from "./slice.ts";

const permitting = loaded(permitCalls);
const forbidding = loaded(`${permitCalls} @id("no") forbid (principal, action, resource);`);

function engineOf(engines: CedarEngines, policies: LoadedPolicies) {
  const slices = slicePolicies(policies.policies, policies.world);
  const engine = engines.prepare(policies, slices);
  return { engine, decide: () => decider(policies, slices, engine, null).decide(chat()) };
}

test("the next policies are prepared beside those in force, which go on as they are", () => {
  const engines = new CedarEngines();
  const first = engineOf(engines, permitting);
  engines.putInForce(first.engine);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const second = engineOf(engines, forbidding);
    assert.deepEqual([first.decide().outcome, second.decide().outcome], ["permit", "deny"]);
  }
});

test("an engine whose place was taken denies, and never answers by the policies of another", () => {
  const engines = new CedarEngines();
  const first = engineOf(engines, permitting);
  engines.putInForce(first.engine);
  const second = engineOf(engines, forbidding);
  engines.putInForce(second.engine);
  const third = engineOf(engines, permitting);
  assert.equal(third.decide().outcome, "permit");
  assert.equal(second.decide().error, null);
  assert.deepEqual([first.decide().outcome, first.decide().policies], ["deny", []]);
  assert.match(first.decide().error ?? "", /replaced/);
  assert.throws(() => engines.putInForce(first.engine), /replaced/);
});

test("two owners in one process do not see each other's policies", () => {
  const one = engineOf(new CedarEngines(), permitting);
  const other = engineOf(new CedarEngines(), forbidding);
  assert.deepEqual([one.decide().outcome, other.decide().outcome], ["permit", "deny"]);
});

test("an action that has no slice is an error", () => {
  const engine = new CedarEngines().prepare(permitting, new Map());
  const id = { type: "Portcullis::Action", id: "chat" };
  const answer = engine.evaluate(
    { principal: id, action: id, resource: id, context: {}, entities: [] },
    [],
    false,
  );
  assert.equal(answer.outcome, "error");
});

test("a request that does not fit the schema is an error, not a deny like any other", () => {
  const slices = slicePolicies(permitting.policies, permitting.world);
  const engine = new CedarEngines().prepare(permitting, slices);
  const entity = (type: string, id: string) => ({ type: `Portcullis::${type}`, id });
  const answer = engine.evaluate(
    {
      principal: entity("User", "eve"),
      action: entity("Action", "chat"),
      resource: entity("Model", "demo/a"),
      context: {},
      entities: [],
    },
    [],
    false,
  );
  assert.equal(answer.outcome, "error");
});

test("activating again and again does not fill the engine's memory", () => {
  const many = Array.from(
    { length: 60 },
    (_, index) => `@id("p${index}") forbid (principal, action, resource) when { context.hour == ${index} };`,
  );
  const policies = loaded(many.join("\n"));
  const engines = new CedarEngines();
  const activate = (times: number): void => {
    for (let time = 0; time < times; time += 1) engines.putInForce(engineOf(engines, policies).engine);
  };
  activate(6);
  const before = process.memoryUsage().external;
  activate(20);
  const grown = process.memoryUsage().external - before;
  // Under new ids each activation would take about half a megabyte, ten in all.
  assert.ok(grown < 2_000_000, `grew by ${grown} bytes`);
});
