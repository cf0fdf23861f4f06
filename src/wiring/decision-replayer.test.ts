import assert from "node:assert/strict";
import { test } from "node:test";
import type { DecidedLeaf, Replayed } from "portcullis-verify/rules/replay-rules.ts";
import { fail, ok } from "../core/result.ts";
import { loaded, permitCalls } from "../policy/policy.test-support.ts";
import { decidedCall } from "./decided-call.test-support.ts";
import { type CommittedReader, decisionReplayer } from "./decision-replayer.ts";

const { revision } = loaded(`${permitCalls}
@id("not-eve") forbid (principal, action == Portcullis::Action::"chat", resource)
when { context has user && context.user == "eve" };
@id("office") forbid (principal, action == Portcullis::Action::"chat", resource)
unless { context.source_address.isInRange(ip("10.0.0.0/8")) };
@id("big") forbid (principal, action == Portcullis::Action::"chat", resource)
when { context.message_count > 100 } unless { context.approvals.contains("finance") };`);

const call = { ...decidedCall(revision.id), user: "sub_1" };
const many = { ...call, facts: { ...call.facts, message_count: 101 } };

function reader(user: string, address = "10.1.2.3"): CommittedReader {
  return {
    field: async (_leaf, field) => (field === "source_address" ? ok(address) : fail("it is not kept")),
    userName: async () => ok(user),
  };
}

function replay(
  leaf: DecidedLeaf,
  committed: CommittedReader | null = reader("ana"),
  given: readonly string[] = [],
  content: string | null = revision.content,
): Promise<Replayed> {
  const replayer = decisionReplayer({ revision: async () => content, committed });
  return replayer.replay({ entry: 0, leaf, given, call: leaf.type === "call.decided" ? leaf : null });
}

test("a decision comes out as it is on record, on personal facts too where they can be read", async () => {
  assert.deepEqual(await replay(call), { status: "same" });
  const denied: DecidedLeaf = { ...call, decision: "deny", policies: { ids: ["not-eve"], more: 0 } };
  assert.deepEqual(await replay(denied, reader("eve")), { status: "same" });
});

test("what would come out otherwise is said", async () => {
  const cases: readonly (readonly [DecidedLeaf, CommittedReader])[] = [
    [call, reader("eve")],
    [call, reader("ana", "192.0.2.1")],
    [{ ...call, decision: "deny" }, reader("ana")],
    [{ ...call, policies: { ids: ["others"], more: 0 } }, reader("ana")],
    [many, reader("ana")],
  ];
  for (const [leaf, committed] of cases) {
    const replayed = await replay(leaf, committed);
    assert.equal(replayed.status, "differs");
    assert.match(replayed.detail, /on record is .*, and evaluating it again gives /);
  }
});

test("what was signed off is evaluated with its sign-offs", async () => {
  assert.deepEqual(await replay(many, reader("ana"), ["finance"]), { status: "same" });
  assert.equal((await replay(many, reader("ana"), ["default"])).status, "differs");
});

test("what cannot be evaluated is told from what differs", async () => {
  const notPossible = (why: string) => ({ status: "not_possible", why });
  assert.deepEqual(await replay(call, null), notPossible("facts_unknown"));
  const erased = { ...reader("ana"), userName: async () => fail("it was erased") };
  assert.deepEqual(await replay(call, erased), notPossible("facts_unknown"));
  assert.deepEqual(await replay(call, reader("ana"), [], null), notPossible("revision_missing"));
  assert.deepEqual(await replay({ ...call, facts: null }), { status: "not_asked" });
  assert.deepEqual(await replay({ ...call, target: null }), { status: "not_asked" });
});

test("policies that are not what their hash says are no policies", async () => {
  const changed = revision.content.replaceAll("10.0.0.0/8", "0.0.0.0/0");
  assert.deepEqual(await replay(call, reader("ana"), [], changed), { status: "revision_changed" });
});

test("a log of many revisions does not fill the engine's memory, and each decides by its own policies", async () => {
  const many = Array.from({ length: 22 }, (_, at) => {
    const others = Array.from(
      { length: 40 },
      (_, rule) =>
        `@id("r${rule}") forbid (principal, action, resource) when { context.hour == ${24 + rule + at} };`,
    );
    const allowed = at % 2 === 0 ? "" : `@id("no") forbid (principal, action, resource);`;
    return loaded(`${permitCalls}${others.join("\n")}${allowed}`).revision;
  });
  const kept = new Map(many.map(({ id, content }) => [id, content]));
  const replayer = decisionReplayer({
    revision: async (id) => kept.get(id) ?? null,
    committed: reader("ana"),
  });
  const replayAll = async (from: number, to: number): Promise<void> => {
    for (const [at, { id }] of many.slice(from, to).entries()) {
      const decided = { ...call, revision: id };
      const leaf: DecidedLeaf =
        (from + at) % 2 === 0
          ? decided
          : { ...decided, decision: "deny", policies: { ids: ["no"], more: 0 } };
      const replayed = await replayer.replay({ entry: 0, leaf, given: [], call: null });
      assert.deepEqual(replayed, { status: "same" });
    }
  };
  await replayAll(0, 8);
  const before = process.memoryUsage().external;
  await replayAll(8, 22);
  const grown = process.memoryUsage().external - before;
  // With a place of its own each would take about a third of a megabyte for good.
  assert.ok(grown < 1_500_000, `grew by ${grown} bytes`);
});
