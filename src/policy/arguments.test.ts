// Typed arguments as policies see them: what the catalog says, only that, and never a caller's own JSON.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { schemaToJson } from "@cedar-policy/cedar-wasm/nodejs";
import fc from "fast-check";
import type { ArgumentType, RecordMember, RecordType } from "../core/argument-type.ts";
import { argumentReads } from "./argument-reads.ts";
import { emptyArguments } from "./argument-values.ts";
import type { DecisionRequest } from "./decision.ts";
import { DecisionCache } from "./decision-cache.ts";
import { readRecordedRevision } from "./explain/recorded-revision.ts";
import { actionFacts, deciderOf, loaded, permitTools, problemsOf, testWorld } from "./policy.test-support.ts";
import { cedarSchema } from "./schema.ts";
import type { PolicyWorld } from "./world.ts";

const text = { kind: "text", values: null } as const;
const member = (name: string, type: ArgumentType, required = false, nullable = false): RecordMember => ({
  name,
  required,
  nullable,
  type,
});
const payment: RecordType = {
  kind: "record",
  members: [
    member("bank", { kind: "record", members: [member("iban", text, true), member("note", text)] }),
    member("cents", { kind: "integer", values: null }),
    member("memo", text, false, true),
    member("odd name", text),
    member("rate", { kind: "opaque", what: "a number that need not be whole" }),
    member("tags", { kind: "set", of: text }),
    member("to", text, true),
    member("urgent", { kind: "boolean" }),
  ],
};
const world: PolicyWorld = { ...testWorld, arguments: new Map([["pay_invoice", payment]]) };
const onPayment = 'principal, action == Portcullis::Action::"pay_invoice", resource';
/** Reads all of them, and holds. */
const everything = "[context.arguments].contains(context.arguments)";
const forbid = (condition: string): string =>
  `${permitTools}@id("x") forbid (${onPayment}) when { ${condition} };`;

function pay(values: unknown, facts: Partial<typeof actionFacts> = {}): DecisionRequest {
  const context = { ...actionFacts, effect: "read" as const, ...facts };
  Reflect.set(context, "arguments", values);
  return {
    action: "call_tool",
    principal: { id: "assistant" },
    tool: "pay_invoice",
    catalogued: true,
    context,
  };
}

function outcome(policies: string, values: unknown): readonly unknown[] {
  const decision = deciderOf(loaded(policies, world)).decide(pay(values));
  return [decision.outcome, decision.policies.map(({ id }) => id).join(), decision.error];
}

describe("what a policy may say", () => {
  const holds: readonly (readonly [condition: string, values: object])[] = [
    ['context.arguments.to == "eve"', { to: "eve" }],
    ["context.arguments has cents && context.arguments.cents > 1000", { to: "a", cents: 1001 }],
    ["context.arguments has urgent && context.arguments.urgent", { to: "a", urgent: true }],
    [
      'context.arguments has tags && context.arguments.tags.contains("rush")',
      { to: "a", tags: ["x", "rush"] },
    ],
    [
      'context.arguments has bank && context.arguments.bank.iban like "XX*"',
      { to: "a", bank: { iban: "XX1" } },
    ],
    [
      'context.arguments has bank.note && context.arguments.bank.note == ""',
      { to: "a", bank: { iban: "", note: "" } },
    ],
    [
      'context.arguments has "odd name" && context.arguments["odd name"] == "b"',
      { to: "a", "odd name": "b" },
    ],
    ['context.arguments.to == "a" && !(context.arguments has cents)', { to: "a" }],
    ['context.arguments has memo && context.arguments.memo == ""', { to: "a", memo: "" }],
    ['context.arguments.to == "a" && !(context.arguments has memo)', { to: "a", memo: null }],
  ];
  for (const [condition, values] of holds) {
    test(condition, () => {
      assert.deepEqual(outcome(forbid(condition), values), ["deny", "x", null]);
      assert.deepEqual(outcome(forbid(condition), { to: "b", cents: 1 }), ["permit", "tools", null]);
    });
  }

  const refused: readonly (readonly [condition: string, message: RegExp])[] = [
    ["context.arguments.amount > 5", /attribute `arguments.amount`.* not found/],
    ["context.arguments.cents > 5", /optional attribute `arguments.cents`/],
    ['context.arguments.to > "5"', /./],
    [
      "context.arguments has rate && context.arguments.rate == 1",
      /`context.arguments.rate` is a number .*cannot look at/,
    ],
    [
      'context.arguments.to == "a" || (context.arguments has cnts && context.arguments.cnts > 1)',
      /no tool that this policy speaks of has `context.arguments.cnts`/,
    ],
    [
      'context.arguments.to == "a" || context.arguments has bank.bic',
      /no tool that this policy speaks of has `context.arguments.bank.bic`/,
    ],
    [
      "context.arguments has cents && context.arguments.cents * 2 > 5",
      /`\*` on `context.arguments.cents`, which the model can make as large/,
    ],
  ];
  for (const [condition, message] of refused) {
    test(`${condition} is refused`, () => {
      const problems = problemsOf(forbid(condition), world);
      assert.ok(problems.length > 0);
      assert.match(problems.map((problem) => problem.message).join("\n"), message);
      assert.ok(problems.every(({ line }) => line !== null));
    });
  }

  test("arguments of a tool whose parameters are not stated, or of every tool, are refused", () => {
    for (const scope of [
      'principal, action == Portcullis::Action::"send_email", resource',
      'principal, action in Portcullis::Action::"call_tool", resource',
    ]) {
      const problems = problemsOf(`@id("x") forbid (${scope}) when { context.arguments.to == "a" };`, world);
      assert.match(problems[0]?.message ?? "", /attribute `arguments`.* not found/);
    }
  });
});

test("what does not fit the catalog's type is denied, whether a policy looks at it or not", () => {
  const entity = { __entity: { type: "Portcullis::Group", id: "secret" } };
  const wrong: readonly unknown[] = [
    undefined,
    null,
    "secret",
    [],
    {},
    { to: null },
    { to: entity },
    { to: { __extn: { fn: "ip", arg: "1.1.1.1" } } },
    { to: "\ud800" },
    { to: "a", cents: 1.5 },
    { to: "a", cents: 2 ** 53 },
    { to: "a", cents: Number.NaN },
    { to: "a", cents: "1" },
    { to: "a", tags: "x" },
    { to: "a", tags: [entity] },
    { to: "a", bank: {} },
    { to: "a", bank: { iban: "x", bic: "secret" } },
    { to: "a", rate: 1 },
    { to: "a", memo: 1 },
    { to: "a", cents: null },
    { to: "a", more: "secret" },
  ];
  for (const policies of [permitTools, forbid('context.arguments.to == "nobody"')]) {
    for (const values of wrong) {
      assert.deepEqual(
        outcome(policies, values),
        ["deny", "", "the fact `arguments` cannot be described"],
        JSON.stringify(values),
      );
    }
  }
});

test("arguments of a tool that policies know without any, or as uncatalogued, do not reach the engine", () => {
  const { decide } = deciderOf(loaded(forbid('context.arguments.to == "a"'), world));
  const facts = { ...actionFacts, effect: "read" as const, arguments: { to: "a" } };
  const asked = { action: "call_tool", principal: { id: "assistant" }, context: facts } as const;
  assert.equal(decide({ ...asked, tool: "send_email", catalogued: true }).outcome, "permit");
  assert.equal(decide({ ...asked, tool: "pay_invoice", catalogued: false }).outcome, "permit");
});

test("a decision that rests on arguments is taken anew for each call, and one that does not is remembered", () => {
  const read = new DecisionCache(10);
  const { decide } = deciderOf(loaded(forbid('context.arguments.to == "eve"'), world), read);
  assert.deepEqual(
    ["a", "eve", "a"].map((to) => decide(pay({ to })).outcome),
    ["permit", "deny", "permit"],
  );
  assert.equal(read.size, 0);
  const unread = new DecisionCache(10);
  const other = deciderOf(loaded(permitTools, world), unread);
  for (const to of ["a", "eve"]) other.decide(pay({ to }));
  assert.equal(unread.size, 1);
  assert.equal(other.decide(pay({ to: 1 })).outcome, "deny", "remembered or not, arguments must fit");
});

test("what policies look at is bounded, and what they do not look at is not handed over", () => {
  const long = "x".repeat(1_000_000);
  const onTo = forbid('context.arguments.to == "eve"');
  assert.deepEqual(outcome(onTo, { to: "a", "odd name": long, tags: Array(50_000).fill("x") }), [
    "permit",
    "tools",
    null,
  ]);
  assert.deepEqual(outcome(onTo, { to: long }), [
    "deny",
    "",
    "the arguments that policies look at are too large",
  ]);
  const onTags = forbid('context.arguments has tags && context.arguments.tags.contains("eve")');
  assert.equal(outcome(onTags, { to: "a", tags: Array(900).fill("x") })[0], "permit");
  assert.equal(outcome(onTags, { to: "a", tags: Array(50_000).fill("x") })[0], "deny");
  assert.equal(outcome(permitTools, { to: long })[0], "permit");
});

test("a tool with other arguments than those that a policy looks at is decided without them", () => {
  const mail: RecordType = { kind: "record", members: [member("subject", text, true)] };
  const both = {
    ...world,
    arguments: new Map([
      ["pay_invoice", payment],
      ["send_email", mail],
    ]),
  };
  const { decide } = deciderOf(loaded(forbid('context.arguments.to == "eve"'), both));
  const asked = pay({ subject: "eve" });
  assert.ok(asked.action === "call_tool");
  const { outcome: got, error } = decide({ ...asked, tool: "send_email" });
  assert.deepEqual([got, error], ["permit", null]);
  assert.equal(decide(pay({ to: "eve" })).outcome, "deny");
});

test("the schema that is evaluated has what policies read, and the printed one has all with what cannot be read", () => {
  const printed = cedarSchema(world);
  assert.match(printed, /\/\/ "rate" is a number that need not be whole: a call that gives it is denied\./);
  assert.equal(schemaToJson(printed).type, "success");
  const { schema } = loaded(forbid('context.arguments.to == "a"'), world);
  assert.match(schema, /"to": String/);
  assert.doesNotMatch(schema, /"cents"/);
  assert.doesNotMatch(loaded(permitTools, world).schema, /"to"/);
  const whole = loaded(forbid(`${everything} && context.arguments.to == "a"`), world);
  assert.match(whole.schema, /"cents"\?: Long/);
});

test("which arguments are read is found wherever a policy speaks of them", () => {
  const reads = (condition: string): unknown => {
    const found = argumentReads(loaded(forbid(condition), world).policies);
    return found === null || found === "all" ? found : [...found].sort();
  };
  assert.equal(reads("context.hour > 3"), null);
  assert.deepEqual(reads('context.arguments.to == "a" || context.arguments has cents'), ["cents", "to"]);
  assert.deepEqual(reads("context has arguments.to"), ["to"]);
  assert.deepEqual(reads('[context.arguments.to].contains("a")'), ["to"]);
  assert.deepEqual(reads('context.arguments has bank && context.arguments.bank.iban == ""'), ["bank"]);
  assert.equal(reads(everything), "all");
});

test("the revision changes with the catalog's parameters, and holds them for those who explain it later", () => {
  const { revision } = loaded(permitTools, world);
  const others = { ...payment, members: payment.members.filter(({ name }) => name !== "urgent") };
  const changed = loaded(permitTools, { ...world, arguments: new Map([["pay_invoice", others]]) });
  assert.notEqual(changed.revision.id, revision.id);
  assert.notEqual(loaded(permitTools).revision.id, revision.id);
  const recorded = readRecordedRevision(revision.id, revision.content);
  assert.ok(recorded.ok, recorded.ok ? "" : recorded.failure);
  assert.deepEqual(recorded.value.loaded.world.arguments?.get("pay_invoice"), payment);
  const before = loaded(permitTools);
  assert.doesNotMatch(before.revision.content, /"arguments":/);
  assert.ok(readRecordedRevision(before.revision.id, before.revision.content).ok);
});

const value = (type: ArgumentType): fc.Arbitrary<unknown> => {
  switch (type.kind) {
    case "text":
      return fc.constantFrom("a", "eve", '{"__entity":{}}', "");
    case "integer":
      return fc.constantFrom(0, -1, 1001, Number.MAX_SAFE_INTEGER);
    case "boolean":
      return fc.boolean();
    case "set":
      return fc.array(value(type.of), { maxLength: 3 });
    case "record":
      return record(type);
    case "opaque":
      return fc.constant(0.5);
  }
};
const record = (type: RecordType): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(
    Object.fromEntries(
      type.members.map(({ name, nullable, type: of }) => [name, nullable ? fc.option(value(of)) : value(of)]),
    ),
    {
      requiredKeys: type.members.filter(({ required }) => required).map(({ name }) => name),
    },
  );

test("whatever fits the type is evaluated without an error, and whatever does not is denied without being evaluated", () => {
  const { decide } = deciderOf(
    loaded(forbid(`${everything} && context.arguments.to == "eve"`), world),
    new DecisionCache(1),
  );
  const seen = { permit: 0, deny: 0, error: 0 };
  fc.assert(
    fc.property(record(payment), (values) => {
      const { outcome: got, error } = decide(pay(values));
      const isOpaque = Object.hasOwn(values, "rate");
      assert.equal(error, isOpaque ? "the fact `arguments` cannot be described" : null);
      const isEve = values["to"] === "eve";
      assert.equal(got, isOpaque || isEve ? "deny" : "permit");
      seen[error === null ? (got === "deny" ? "deny" : "permit") : "error"] += 1;
    }),
    { numRuns: 300 },
  );
  assert.ok(seen.permit > 0 && seen.error > 0, JSON.stringify(seen));
  assert.deepEqual(outcome(permitTools, emptyArguments(payment)), ["permit", "tools", null]);
});
