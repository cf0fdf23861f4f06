import assert from "node:assert/strict";
import { test } from "node:test";
import { checkParseSchema } from "@cedar-policy/cedar-wasm/nodejs";
import fc from "fast-check";
import { counterAt, countersFrom } from "./counter-facts.ts";
import { counterUses, limitWindow, sameDecision } from "./counter-uses.ts";
import type { CallContext } from "./decision.ts";
import { DecisionCache } from "./decision-cache.ts";
import {
  chat,
  deciderFor,
  feature,
  loaded,
  permitCalls,
  permitTools,
  problemsOf,
  testWorld,
  toolCall,
} from "./policy.test-support.ts";
import { cedarSchema } from "./schema.ts";

const scope = `principal, action in [Portcullis::Action::"chat", Portcullis::Action::"embed"], resource`;

function limit(condition: string, id = "limit"): string {
  return `@id("${id}") @reason("enough") forbid (${scope}) when { ${condition} };\n`;
}

function counted(counters: CallContext["counters"], facts: Partial<CallContext> = {}) {
  return chat({ ...facts, ...(counters === undefined ? {} : { counters }) });
}

test("a policy reads a counter of the application, of its user or of a group, and decides on it", () => {
  const { counters, decide } = deciderFor(
    permitCalls +
      limit("context.spend.month > 500") +
      limit("context.rate has user && context.rate.user.minute >= 3", "user") +
      limit('4 < context.tokens.group["staff"].day', "group"),
  );
  assert.deepEqual(
    counters.map(({ path, measure, of, window, thresholds }) => [path, measure, of, window, thresholds]),
    [
      ["rate.user.minute", "rate", { kind: "user" }, "minute", [3]],
      ["spend.month", "spend", { kind: "application" }, "month", [500]],
      ["tokens.group.staff.day", "tokens", { kind: "group", name: "staff" }, "day", [4]],
    ],
  );
  const within = { "spend.month": 500, "rate.user.minute": 2, "tokens.group.staff.day": 4 };
  const ids = (changes: CallContext["counters"], user?: string) =>
    decide(counted({ ...within, ...changes }, user === undefined ? {} : { user })).policies.map(
      ({ id }) => id,
    );
  assert.deepEqual(ids({}, "eve"), ["calls"]);
  assert.deepEqual(ids({ "spend.month": 501 }, "eve"), ["limit"]);
  assert.deepEqual(ids({ "rate.user.minute": 3 }, "eve"), ["user"]);
  assert.deepEqual(ids({ "tokens.group.staff.day": 5 }, "eve"), ["group"]);
  assert.deepEqual(ids({ "rate.user.minute": null }), ["calls"], "a call without a user has no such counter");
});

test("a counter that policies read and nobody has read is a deny, remembered or not", () => {
  const { decide } = deciderFor(permitCalls + limit("context.spend.month > 500"));
  assert.equal(decide(counted({ "spend.month": 1 })).outcome, "permit");
  for (const counters of [
    undefined,
    {},
    { "spend.day": 1 },
    { "spend.month": null },
    { "spend.month": -1 },
    { "spend.month": 0.5 },
    { "spend.month": Number.NaN },
  ]) {
    const decision = decide(counted(counters));
    assert.deepEqual(
      [decision.outcome, decision.error],
      ["deny", "the counter `spend.month` was not read"],
      JSON.stringify(counters),
    );
  }
  const ofUser = deciderFor(permitCalls + limit("context.rate has user && context.rate.user.day > 1"));
  assert.equal(ofUser.decide(counted({ "rate.user.day": null })).outcome, "permit");
  assert.match(ofUser.decide(counted({ "rate.user.day": null }, { user: "eve" })).error ?? "", /not read/);
});

test("request fields that make a provider act see the counters too, and tools do not need them", () => {
  const { decide } = deciderFor(
    permitTools +
      `@id("store") permit (principal, action == Portcullis::Action::"use_feature", resource)
       when { context.feature == "store" && context.rate.day < 2 };`,
  );
  assert.equal(decide(feature("store", { counters: { "rate.day": 1 } })).outcome, "permit");
  assert.equal(decide(feature("store", { counters: { "rate.day": 2 } })).outcome, "deny");
  assert.equal(decide(toolCall("get_weather", { effect: "read" })).outcome, "permit");
});

test("decisions are remembered for all values between the numbers that policies name", () => {
  const cache = new DecisionCache(100);
  const { decide } = deciderFor(permitCalls + limit("context.spend.month > 500"), cache);
  for (let spend = 0; spend < 500; spend += 1) {
    assert.equal(decide(counted({ "spend.month": spend })).outcome, "permit");
  }
  assert.equal(cache.size, 1);
  assert.equal(decide(counted({ "spend.month": 500 })).outcome, "permit");
  assert.equal(decide(counted({ "spend.month": 501 })).outcome, "deny");
  assert.equal(decide(counted({ "spend.month": 9_000 })).outcome, "deny");
  assert.equal(cache.size, 3);
});

test("values with the same decision are those between two thresholds, or a threshold itself", () => {
  const [use] = counterUses(
    loaded(permitCalls + limit("context.rate.day > 10 || context.rate.day == 20 || context.rate.day < 0"))
      .policies,
  );
  assert.ok(use);
  assert.deepEqual(use.thresholds, [0, 10, 20]);
  const most = Number.MAX_SAFE_INTEGER;
  const ranges = [0, 1, 9, 10, 11, 19, 20, 21, most].map((value) => {
    const { atLeast, atMost } = sameDecision(use, value);
    return [atLeast, atMost];
  });
  assert.deepEqual(ranges, [
    [0, 0],
    [1, 9],
    [1, 9],
    [10, 10],
    [11, 19],
    [11, 19],
    [20, 20],
    [21, most],
    [21, most],
  ]);
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: -5, max: 50 })), fc.nat(60), (numbers, value) => {
      const thresholds = numbers.toSorted((a, b) => a - b);
      const { atLeast, atMost } = sameDecision({ ...use, thresholds }, value);
      assert.ok(atLeast <= value && value <= atMost);
      const sides = (at: number) => thresholds.map((threshold) => Math.sign(at - threshold)).join();
      for (let at = 0; at <= 60; at += 1) {
        assert.equal(sides(at) === sides(value), atLeast <= at && at <= atMost);
      }
    }),
  );
});

test("a counter is read from its path, dots of a group's name included, and stated or unknown", () => {
  assert.deepEqual(counterAt("spend.group.a.b-c.month")?.of, { kind: "group", name: "a.b-c" });
  assert.deepEqual(counterAt("rate.user.minute")?.steps, ["rate", "user", "minute"]);
  for (const path of ["spend", "spend.year", "spend.user", "spend.group.month", "hour", "spend.a.month"]) {
    assert.equal(counterAt(path), null, path);
  }
  const { counters } = deciderFor(
    permitCalls + limit("context.spend.month > 5 || (context.rate has user && context.rate.user.day > 1)"),
  );
  const recorded = { "spend.month": 7, labels: [] };
  assert.deepEqual(countersFrom(counters, recorded, true, 0), { "rate.user.day": 0, "spend.month": 7 });
  assert.deepEqual(countersFrom(counters, {}, false, 0), { "rate.user.day": null, "spend.month": 0 });
  assert.deepEqual(countersFrom(counters, {}, true, undefined), {});
});

test("only a deny that nothing but limits determine ends with their windows, the longest of them", () => {
  const { decide } = deciderFor(
    permitCalls +
      limit("context.rate.minute > 1", "minute") +
      limit("context.spend.day > 1 || context.spend.hour > 1", "day") +
      limit('context.rate.hour > 1 && context.labels.contains("x")', "labels") +
      `@id("gpt") forbid (principal, action, resource == Portcullis::Model::"openai/gpt");`,
  );
  const calm = { "rate.minute": 0, "rate.hour": 0, "spend.day": 0, "spend.hour": 0 };
  const until = (changes: CallContext["counters"], facts: Partial<CallContext> = {}, model?: string) =>
    decide(chat({ ...facts, counters: { ...calm, ...changes } }, model)).until;
  assert.equal(until({}), undefined);
  assert.equal(until({ "rate.minute": 2 }), "minute");
  assert.equal(until({ "rate.minute": 2, "spend.hour": 2 }), "day");
  assert.equal(until({ "rate.minute": 2 }, {}, "openai/gpt"), undefined);
  assert.equal(until({ "rate.hour": 2 }, { labels: ["x"] }), undefined);
  const [floor] = loaded(permitCalls).policies;
  assert.ok(floor);
  assert.equal(limitWindow(floor), null);
});

test("a forbid that applies for another reason than a counter too does not end with a window", () => {
  const window = (conditions: string) => {
    const [policy] = loaded(
      `${permitCalls}@id("l") @reason("enough") forbid (${scope}) ${conditions};`,
    ).policies.filter(({ id }) => id === "l");
    assert.ok(policy);
    return limitWindow(policy);
  };
  const dev = 'principal.environment == "dev"';
  const used = "context.rate.minute > 1";
  assert.equal(window(`when { ${dev} && ${used} }`), "minute");
  assert.equal(window(`when { ${dev} } when { ${used} }`), "minute");
  assert.equal(window(`unless { ${dev} || context.rate.minute <= 1 }`), "minute");
  assert.equal(window(`when { ${used} || context.spend.day > 1 }`), "day");
  assert.equal(window(`when { !(context.rate.minute <= 1) }`), "minute");
  assert.equal(window(`when { ${dev} || ${used} }`), null);
  assert.equal(window(`unless { ${dev} && context.rate.minute <= 1 }`), null);
  assert.equal(window(`when { if ${used} then ${dev} else !(${dev}) }`), null);
});

const refused: readonly (readonly [string, string, RegExp])[] = [
  ["a whole measure", "context.spend == context.spend", /`context.spend` is not one counter/],
  [
    "a group without a window",
    'context.spend.group["staff"] == context.spend.group["staff"]',
    /not one counter/,
  ],
  ["a counter beside another", "context.spend.day > context.spend.month", /not compared with a number/],
  ["arithmetic", "context.spend.day * 2 > 5", /not compared with a number/],
  ["a fact beside a counter", "context.rate.minute > context.input_tokens", /not compared with a number/],
  ["a set of counters", "[context.rate.minute].contains(3)", /not compared with a number/],
  ["a number beyond 2^53", "context.rate.minute > 9007199254740993", /not compared with a number/],
  ["asking whether there is a measure", "context has spend", /there for every call/],
  ["asking whether there is a window", "context.spend has month", /there for every call/],
  ["asking for a user and reading none", "context.spend has user", /no counter of `context.spend.user`/],
];

for (const [name, condition, message] of refused) {
  test(`${name} is refused`, () => {
    const problems = problemsOf(`@id("x") forbid (${scope}) when { ${condition} };`);
    assert.match(problems.map((problem) => problem.message).join("\n"), message);
  });
}

test("a counter that is mistyped, of an unknown group, of nobody's, or of a tool call, is an error when it is loaded", () => {
  for (const condition of [
    "context.spend.year > 5",
    'context.spend.group["staf"].day > 5',
    "context.spend.user.day > 5",
    "context.rates.day > 5",
  ]) {
    assert.notEqual(problemsOf(`@id("x") forbid (${scope}) when { ${condition} };`).length, 0, condition);
  }
  const everywhere = '@id("x") forbid (principal, action, resource) when { context.rate.day > 5 };';
  assert.notEqual(problemsOf(everywhere).length, 0);
});

test("the printed schema has every counter, and is read by Cedar whatever groups there are", () => {
  const schema = cedarSchema(testWorld);
  assert.match(schema, /rate: Counters,\n\s+tokens: Counters,\n\s+spend: Counters,\n\s+unpriced: Counters,/);
  assert.match(schema, /group: \{\n\s+"contractors": Windows,\n\s+"staff": Windows,\n\s+\}/);
  for (const groups of [[], ["a.b-c", '"; permit', "1"]]) {
    const answer = checkParseSchema(cedarSchema({ ...testWorld, applications: [], groups }));
    assert.equal(answer.type, "success");
  }
});
