import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { heapKeptBy } from "../core/memory.test-support.ts";
import type { Decision, DecisionRequest } from "./decision.ts";
import { cacheKey, DecisionCache } from "./decision-cache.ts";
import { chat, deciderFor, feature, permitCalls, toolCall } from "./policy.test-support.ts";

const decision = (error: string | null = null): Decision => {
  return { outcome: "deny", policies: [], signOffs: [], error, revision: "r", shadow: null };
};
const forbidWhen = (condition: string) =>
  `${permitCalls} @id("x") forbid (principal, action == Portcullis::Action::"chat", resource) when { ${condition} };`;

test("the least recently used goes first", () => {
  const cache = new DecisionCache(2);
  cache.set("a", decision());
  cache.set("b", decision());
  cache.get("a");
  cache.set("c", decision());
  assert.deepEqual(
    [cache.get("a") === undefined, cache.get("b") === undefined, cache.size],
    [false, true, 2],
  );
});

test("what is remembered takes about a kilobyte however many parts its key has, asked for again or not", () => {
  const one = decision();
  const keyOf = (at: number): string => {
    const tools = Array.from({ length: 120 }, (_, tool) => String.fromCharCode(97 + ((at + tool) % 26)));
    return cacheKey(chat({ tools, user: `user-${at}` }), reading(["tools", "user"])) ?? "";
  };
  for (const again of [0, 1, 2]) {
    const cache = new DecisionCache(2000);
    const grown = heapKeptBy(2000, (at) => {
      cache.set(keyOf(at), one);
      for (let time = 0; time < again; time += 1) cache.get(keyOf(at));
    });
    assert.equal(cache.size, 2000);
    assert.ok(grown < 2000 * 1200, `${grown / 2000} bytes each`);
  }
});

test("decisions share what they say of a policy", () => {
  const cache = new DecisionCache(10);
  const decider = deciderFor(forbidWhen('context has user && context.user like "user-*"'), cache);
  const [one, other] = ["user-1", "user-2"].map((user) => decider.decide(chat({ user })).policies[0]);
  assert.equal(cache.size, 2);
  assert.equal(one?.id, "x");
  assert.equal(one, other);
});

test("errors are not kept", () => {
  const cache = new DecisionCache(10);
  cache.set("a", decision("failed"));
  assert.equal(cache.size, 0);
  const failing = new DecisionCache(10);
  const decider = deciderFor(forbidWhen("context.hour * 9223372036854775807 > 3"), failing);
  assert.notEqual(decider.decide(chat()).error, null);
  assert.equal(failing.size, 0);
});

test("facts that no policy of the action reads share a decision", () => {
  const cache = new DecisionCache(10);
  const decider = deciderFor(forbidWhen("context.hour > 20"), cache);
  const first = decider.decide(chat({ labels: ["a"], user: "u", time: Date.parse("2026-11-23T09:00:00Z") }));
  const again = decider.decide(
    chat({ labels: ["b"], tools: ["t"], time: Date.parse("2026-11-23T09:59:59Z") }),
  );
  assert.equal(again, first);
  assert.equal(cache.size, 1);
});

test("facts that a policy reads or asks for do not", () => {
  const cases: readonly (readonly [condition: string, request: DecisionRequest])[] = [
    ["context.hour > 20", chat({ time: Date.parse("2026-11-23T21:00:00Z") })],
    ["context.weekday == 7", chat({ time: Date.parse("2026-11-29T09:30:00Z") })],
    [
      'context.time > datetime("2026-11-23T09:30:00Z")',
      chat({ time: Date.parse("2026-11-23T09:30:00.001Z") }),
    ],
    ["context has user", chat({ user: "" })],
    ['context.labels.contains("a")', chat({ labels: ["a"] })],
    ["context.stream", chat({ stream: true })],
    ["context has output_limit && context.output_limit > 3", chat({ output_limit: 4 })],
    ["context.source_address.isLoopback()", chat({ source_address: "127.0.0.1" })],
    ['context["requested_model"] == "big"', chat({ requested_model: "big" })],
    ['resource.name == "big"', chat({}, "demo/big")],
  ];
  for (const [condition, request] of cases) {
    const decider = deciderFor(forbidWhen(condition));
    assert.deepEqual(
      [decider.decide(chat()).outcome, decider.decide(request).outcome],
      ["permit", "deny"],
      condition,
    );
  }
});

test("principal, action and resource are always part of the key", () => {
  const requests = [
    chat(),
    chat({}, "demo/other"),
    chat({}, "demo/assistanu"),
    { ...chat(), principal: { id: "batch" } },
    feature("x"),
    toolCall("send_email"),
    toolCall("demo/assistant"),
  ];
  assert.equal(new Set(requests.map((request) => cacheKey(request, reading([])))).size, requests.length);
});

test("no two requests that differ in what is read have the same key, however their strings are made", () => {
  const text = fc.string({ unit: fc.constantFrom("1", ":", "[", "u"), maxLength: 2 });
  const facts = fc.record(
    {
      requested_model: text,
      user: text,
      labels: fc.array(text, { maxLength: 2 }),
      input_tokens: fc.constantFrom(1, 11),
      stream: fc.boolean(),
    },
    { requiredKeys: ["requested_model", "labels", "input_tokens", "stream"] },
  );
  const reads = ["input_tokens", "labels", "requested_model", "stream", "user"];
  fc.assert(
    fc.property(facts, text, facts, text, (one, oneModel, other, otherModel) => {
      const same = JSON.stringify([one, oneModel]) === JSON.stringify([other, otherModel]);
      const keys = [
        cacheKey(chat(one, oneModel), reading(reads)),
        cacheKey(chat(other, otherModel), reading(reads)),
      ];
      assert.equal(keys[0] === keys[1], same);
    }),
    { numRuns: 10_000 },
  );
});

test("strings that say the same when put together make different keys", () => {
  const text = fc.string({ unit: fc.constantFrom(":", "1", "a"), maxLength: 2 });
  const lists = fc.array(text, { maxLength: 3 });
  fc.assert(
    fc.property(lists, lists, (one, other) => {
      const keys = [one, other].map((labels) => cacheKey(chat({ labels }), reading(["labels"])));
      assert.equal(keys[0] === keys[1], JSON.stringify(one) === JSON.stringify(other));
    }),
    {
      numRuns: 5000,
      examples: [
        [
          ["a:", "a"],
          ["a", ":a"],
        ],
        [["1:a"], ["1", "a"]],
      ],
    },
  );
});

test("a long key is kept short without becoming another's", () => {
  const keys = ["a", "b"].map((end) =>
    cacheKey(chat({ requested_model: "x".repeat(100_000) + end }), reading(["requested_model"])),
  );
  assert.ok(keys.every((key) => key !== null && key.length < 100));
  assert.notEqual(keys[0], keys[1]);
});

test("a value that no fact can have gets no key, so that it cannot pass for another's text", () => {
  for (const value of [null, {}, { __entity: {} }, [1], [["a"]], 1n]) {
    const request = chat();
    Reflect.set(request.context, "user", value);
    assert.equal(cacheKey(request, reading(["user"])), null);
  }
});

test("what was remembered of a sound request permits none with a malformed or missing fact, whether policies read it or not", () => {
  const wrong: readonly (readonly [name: string, values: readonly unknown[]])[] = [
    ["source_address", ["unknown", "", "10.0.0.0/8", undefined, null]],
    ["labels", ["pii", [1], undefined]],
    ["user", [null, 1, "\ud800"]],
    ["requested_model", [undefined, {}]],
    ["input_tokens", [1.5, "1", undefined]],
    ["output_limit", [null]],
    ["stream", [1, undefined]],
    ["time", [Number.NaN, "2026", undefined]],
  ];
  const { decide } = deciderFor(permitCalls);
  for (const [name, values] of wrong) {
    for (const value of values) {
      assert.equal(decide(chat()).outcome, "permit");
      const request = chat();
      Reflect.set(request.context, name, value);
      const { outcome, error } = decide(request);
      assert.deepEqual([outcome, error], ["deny", `the fact \`${name}\` cannot be described`], name);
    }
  }
  const strangers = [{ ...chat(), principal: { id: "stranger" } }, chat({}, "fast"), chat({}, "demo/\ud800")];
  for (const request of strangers) assert.equal(decide(request).outcome, "deny");
});

test("an address that is good enough for a remembered decision is good enough for a fresh one", () => {
  const addresses = [
    "::1.2.3.4",
    "64:ff9b::10.0.0.1",
    "::ffff:10.1.2.3",
    "0:0:0:0:0:FFFF:10.1.2.3",
    "fe80::1%eth0",
  ];
  for (const source_address of addresses) {
    assert.equal(deciderFor(permitCalls).decide(chat({ source_address })).outcome, "permit", source_address);
  }
  const inTen = forbidWhen('context.source_address.isInRange(ip("10.0.0.0/8"))');
  for (const source_address of ["::ffff:10.1.2.3", "0:0:0:0:0:ffff:10.1.2.3"]) {
    assert.equal(deciderFor(inTen).decide(chat({ source_address })).outcome, "deny", source_address);
  }
});

function reading(reads: readonly string[]): Parameters<typeof cacheKey>[1] {
  return { reads, counters: [] };
}
