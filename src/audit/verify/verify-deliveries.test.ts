import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { completed, decided, record, trailBench } from "../trail.test-support.ts";
import {
  asked,
  askedForCall,
  completedFrom,
  finance,
  heldAction,
  permitted,
  released,
  voted,
} from "./approval-log.test-support.ts";
import { activated, findingsOf, told, verify } from "./verify.test-support.ts";

const held = heldAction("call_1");
const one = asked(held);
const approval = one.approval;
/** Entries 3 to 5. */
const opening = [decided("call_1"), held, one];
const vote = voted(one, "op_a");
const permit = permitted(held, one);
const release = released(one, one);

async function reasonsOf(...args: Parameters<typeof findingsOf>): Promise<readonly string[]> {
  return (await findingsOf(...args)).map(({ reason }) => reason);
}

describe("verifying what is handed on to a later call", () => {
  const gone = completed("call_1", { outcome: "client_closed" });
  const held2 = completed("call_1", { outcome: "held" });
  const later = decided("call_2");
  const toLater = { released_to: "call_2" };
  const late = { ...permit, call: "call_2" };

  it("lets a retry have what its first call waited for", async (t) => {
    for (const end of [gone, held2, completed("call_1", { outcome: "unknown" })]) {
      const log = [...opening, end, vote, later, late, released(one, one, toLater)];
      assert.deepEqual(await findingsOf(t, ...log, completedFrom(one, "call_2")), []);
    }
  });

  it("finds it when the decision names another call, and when nobody is there to have it", async (t) => {
    const handed = [released(one, one, toLater), completedFrom(one, "call_2")];
    assert.deepEqual(await findingsOf(t, ...opening, vote, later, permit, ...handed), [
      {
        ...{ reason: "other_member", entry: 9, approval, member: "released_to" },
        ...{ expected: "call_1", found: "call_2" },
      },
    ]);
    const first = [...opening, vote, permit, release, gone];
    const again = released(one, one, { ...toLater, delivery: 2 });
    const nobody = { reason: "released_to_nobody", approval, call: "call_2" };
    const denied = { ...later, decision: "deny" } as const;
    for (const [before, entry] of [
      [[], 10],
      [[denied], 11],
      [[later, completed("call_2")], 12],
    ] as const) {
      assert.deepEqual(await findingsOf(t, ...first, ...before, again), [{ ...nobody, entry }]);
    }
    for (const [member, change] of [
      ["application", { application: "shop" }],
      ["user", { user: null }],
    ] as const) {
      const found = await findingsOf(t, ...first, { ...later, ...change }, again);
      assert.deepEqual(
        found.map((finding) => finding.reason === "other_member" && finding.member),
        [member],
      );
    }
  });

  it("lets it be delivered again under numbers without gaps, and finds others", async (t) => {
    const first = [...opening, vote, permit, release, gone];
    const again = (call: string, delivery: number): readonly LeafBody[] => [
      decided(call),
      released(one, one, { released_to: call, delivery }),
      completedFrom(one, call),
    ];
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(trail, activated, ...first, ...again("call_2", 2), ...again("call_3", 3));
    await trail.close();
    const report = await verify(bench.state);
    assert.deepEqual(told(report), []);
    const { released: once, redelivered } = report.governance.approvals;
    assert.deepEqual([once, redelivered, report.governance.dispatched], [1, 2, 1]);
    for (const delivery of [1, 3]) {
      assert.deepEqual(await findingsOf(t, ...first, ...again("call_2", delivery)), [
        { reason: "delivery_out_of_order", entry: 11, approval, expected: 2, found: delivery },
      ]);
    }
    assert.deepEqual(await reasonsOf(t, ...first, ...again("call_2", 2), ...again("call_3", 2)), [
      "delivery_out_of_order",
    ]);
  });

  it("counts a turn's actions as one delivery", async (t) => {
    const second = heldAction("call_1", "act_2");
    const with2 = asked(second);
    const turn = [decided("call_1"), held, second, one, with2, vote, voted(with2, "op_a")];
    const both = [permit, release, permitted(second, with2), released(with2, with2), gone];
    const again = [one, with2].map((body) => released(body, body, { ...toLater, delivery: 2 }));
    const end = completedFrom(one, "call_2");
    assert.deepEqual(await findingsOf(t, ...turn, ...both, later, ...again, end), []);
    const apart = { ...released(with2, with2), delivery: 2 };
    assert.deepEqual(await reasonsOf(t, ...turn, ...both.with(3, apart)), ["delivery_out_of_order"]);
  });
});

describe("verifying what is picked up of an answer with several choices", () => {
  const zero = heldAction("call_1", "act_0");
  const first = { ...heldAction("call_1", "act_1"), choice: 1 };
  const [withZero, withFirst] = [asked({ ...zero, choice: 0 }), asked(first)];
  const turn = [
    ...[decided("call_1"), { ...zero, choice: 0 }, first, withZero, withFirst],
    ...[voted(withZero, "op_a"), voted(withFirst, "op_a"), completed("call_1", { outcome: "held" })],
  ];
  const later = decided("call_2", { hold: withFirst.hold, choice: 1 });
  const toLater = { released_to: "call_2" };
  const given = [permitted(first, withFirst, { call: "call_2" }), released(withFirst, withFirst, toLater)];

  it("lets a later call have one of them, another the rest, and a retry all", async (t) => {
    const rest = [
      decided("call_3", { hold: withFirst.hold, choice: 0 }),
      permitted({ ...zero, choice: 0 }, withZero, { call: "call_3" }),
      released(withZero, withZero, { released_to: "call_3" }),
      completedFrom(withZero, "call_3"),
    ];
    const log = [...turn, later, ...given, completedFrom(withFirst, "call_2"), ...rest];
    assert.deepEqual(await findingsOf(t, ...log), []);
    const again = [withZero, withFirst].map((one) =>
      released(one, one, { released_to: "call_4", delivery: 2 }),
    );
    const retry = [decided("call_4", { hold: withFirst.hold }), ...again, completedFrom(withZero, "call_4")];
    assert.deepEqual(await findingsOf(t, ...log, ...retry), []);
  });

  it("finds it when it is given more, or less, than it picks up", async (t) => {
    const end = completedFrom(withFirst, "call_2");
    const more = [
      permitted({ ...zero, choice: 0 }, withZero, { call: "call_2" }),
      released(withZero, withZero, toLater),
    ];
    assert.deepEqual(await reasonsOf(t, ...turn, later, ...given, ...more, end), ["not_picked_up"]);
    assert.deepEqual(await reasonsOf(t, ...turn, later, end), ["nothing_released"]);
    const all = decided("call_2", { hold: withFirst.hold });
    assert.deepEqual(await reasonsOf(t, ...turn, all, ...given, end), ["hold_not_released"]);
    const other = decided("call_2", { hold: "hold_x", choice: 1 });
    assert.deepEqual(await reasonsOf(t, ...turn, other, ...given, end), ["not_picked_up"]);
  });
});

describe("verifying a held call", () => {
  const call = decided("call_1", { decision: "hold", sign_offs: ["finance"] });
  const waits = askedForCall(call);
  const id = waits.approval;
  const agreed = voted(waits, "op_a");
  const go = decided("call_1", { dispatch: 2, approval: id });

  it("lets it be dispatched once it is signed off", async (t) => {
    const log = [call, waits, agreed, go, released(waits, waits), completed("call_1")];
    assert.deepEqual(await findingsOf(t, ...log), []);
    const retry = { ...go, call: "call_2", dispatch: 1 };
    const over = completed("call_1", { outcome: "held", target: null, dispatches: 0 });
    const late = released(waits, waits, { released_to: "call_2" });
    assert.deepEqual(await findingsOf(t, call, waits, over, agreed, retry, late, completed("call_2")), []);
  });

  describe("of whose answer something waits too", () => {
    const held = heldAction("call_1", "act_1");
    const action = asked({ ...held, dispatch: 2 }, finance(), { hold: "hold_2" });
    const permit = permitted({ ...held, dispatch: 2 }, action, { call: "call_2", dispatch: 1 });
    const opened = [call, waits, agreed, go, released(waits, waits), { ...held, dispatch: 2 }, action];
    const gone = completed("call_1", { outcome: "client_closed" });
    const retry = decided("call_2", { approval: id, hold: action.hold });
    const handed = released(action, action, { released_to: "call_2" });
    const end = completedFrom(action, "call_2");
    const log = [...opened, gone, voted(action, "op_b"), retry, permit, handed, end];

    it("lets a retry have that under the sign-offs of the call, as often as it comes", async (t) => {
      assert.deepEqual(await findingsOf(t, ...log), []);
      const third = [
        { ...retry, call: "call_3" },
        released(action, action, { released_to: "call_3", delivery: 2 }),
        completedFrom(action, "call_3"),
      ];
      assert.deepEqual(await findingsOf(t, ...log, ...third), []);
      const unknown = completedFrom(action, "call_2", { outcome: "unknown" });
      assert.deepEqual(await findingsOf(t, ...log.with(-1, unknown)), []);
    });

    it("finds it used for a second dispatch, for what is no answer of it, and for what is not sent on", async (t) => {
      const sent = completedFrom(action, "call_2", { dispatches: 1, target: "demo/echo" });
      assert.deepEqual(await reasonsOf(t, ...log.with(-1, sent)), ["dispatched_without_permit"]);
      assert.deepEqual(await reasonsOf(t, ...log.with(9, { ...retry, hold: "hold_x" })), [
        "not_its_answer",
        "not_picked_up",
      ]);
      const plain = decided("call_2", { approval: id });
      assert.deepEqual(await reasonsOf(t, ...log.with(9, plain)), ["used_twice"]);
      const early = [call, waits, agreed, retry];
      assert.deepEqual(await reasonsOf(t, ...early), ["other_state"]);
      const user = { ...retry, user: "sub_2" };
      assert.ok((await reasonsOf(t, ...log.with(9, user))).includes("other_member"));
      const denied = { ...retry, decision: "deny" } as const;
      assert.ok((await reasonsOf(t, ...log.with(9, denied))).includes("not_a_permit"));
    });
  });

  it("finds it dispatched without its votes, to another target, or with no release", async (t) => {
    const [hands, end] = [released(waits, waits), completed("call_1")];
    assert.deepEqual(await findingsOf(t, call, waits, go, hands, end), [
      { reason: "votes_missing", entry: 5, approval: id, signOff: "finance", expected: 1, found: 0 },
      { reason: "given_contradicts", entry: 6, approval: id, signOff: "finance", expected: 0, found: 1 },
    ]);
    const crow = { ...go, target: "demo/crow" };
    assert.deepEqual(
      await reasonsOf(t, call, waits, agreed, crow, hands, completed("call_1", { target: "demo/crow" })),
      ["other_member"],
    );
    assert.deepEqual(await reasonsOf(t, call, waits, agreed, go, end), ["decision_without_release"]);
    assert.deepEqual(await reasonsOf(t, call, waits, agreed, hands, end), [
      "released_without_decision",
      "released_to_nobody",
      "dispatched_without_permit",
    ]);
  });
});
