import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { actionDecided, completed, decided } from "../trail.test-support.ts";
import {
  asked,
  closed,
  completedFrom,
  heldAction,
  permitted,
  released,
  voted,
} from "./approval-log.test-support.ts";
import { findingsOf } from "./verify.test-support.ts";

const call = "call_1";
const [first, second] = [heldAction(call, "act_1"), heldAction(call, "act_2")];
const [one, two] = [asked(first), asked(second)];
const read = actionDecided(call, { action: "act_3", decision: "permit", effect: "read" });
/** Entries 3 to 7: two actions wait, and the first is approved. */
const opening = [decided(call), first, second, one, two];
const agreed = voted(one, "op_a");
const rejected = [
  voted(two, "op_a", { decision: "reject", state: "rejected" }),
  closed(two, "rejected"),
] as const;
const handed = [permitted(first, one), released(one, one)];
const rest = [voted(two, "op_a"), ...handed, permitted(second, two), released(two, two)];
const ended = (outcome: LeafBody<"call.completed">["outcome"]) => completed(call, { outcome });
const withheld = ended("withheld");

describe("verifying how calls ended whose answers waited", () => {
  it("lets `ok` say that all was permitted in the end, and finds what was not", async (t) => {
    assert.deepEqual(await findingsOf(t, ...opening, agreed, ...rest, ended("ok")), []);
    const part = [...opening, agreed, ...rejected, ...handed];
    assert.deepEqual(await findingsOf(t, ...part, ended("ok")), [
      { reason: "action_released", entry: 13, call, action: 5, found: "hold" },
    ]);
  });

  it("lets `partial` say that something was and something was not", async (t) => {
    const part = [...opening, agreed, ...rejected, ...handed];
    assert.deepEqual(await findingsOf(t, ...part, ended("partial")), []);
    assert.deepEqual(await findingsOf(t, ...opening, agreed, ...rest, ended("partial")), [
      { reason: "nothing_withheld", entry: 14, call },
    ]);
    assert.deepEqual(await findingsOf(t, decided(call), first, one, ended("partial")), [
      { reason: "nothing_released", entry: 6, call },
    ]);
    assert.deepEqual(await findingsOf(t, decided(call), read, ended("partial")), [
      { reason: "nothing_withheld", entry: 5, call },
    ]);
  });

  it("lets `held` say that something waits and nothing was handed on", async (t) => {
    assert.deepEqual(await findingsOf(t, ...opening, ended("held")), []);
    const nonetheless = { reason: "released_nonetheless", entry: 14, call, released: 11 };
    const all = [...opening, agreed, ...rest.with(0, voted(two, "op_b"))];
    for (const outcome of ["held", "withheld"] as const) {
      assert.deepEqual(await findingsOf(t, ...all, ended(outcome)), [{ ...nonetheless, outcome }]);
    }
  });

  it("lets an action be held with nobody asked only where nothing was handed on", async (t) => {
    for (const outcome of ["withheld", "client_closed", "unknown", "internal_error"] as const) {
      assert.deepEqual(await findingsOf(t, decided(call), first, ended(outcome)), []);
    }
    assert.deepEqual(await findingsOf(t, decided(call), read, first, ended("partial")), [
      { reason: "nobody_asked", entry: 6, call, action: 5 },
    ]);
    assert.deepEqual(await findingsOf(t, decided(call), first, second, one, ended("held")), [
      { reason: "nobody_asked", entry: 7, call, action: 5 },
    ]);
  });

  it("finds an action that is decided again under the same name", async (t) => {
    for (const again of [read, actionDecided(call, { action: "act_3", unattended: true })]) {
      assert.deepEqual(await findingsOf(t, decided(call), read, again, ended("ok")), [
        { reason: "action_decided_again", entry: 5, call, earlier: 4 },
      ]);
    }
  });
});

describe("verifying calls that get the answer of another", () => {
  const held = [...opening, ended("held")];
  const toCall = { call: "call_2" };
  const toLater = { released_to: "call_2" };
  const both = [
    ...[permitted(first, one, toCall), released(one, one, toLater)],
    ...[permitted(second, two, toCall), released(two, two, toLater)],
  ];
  const all = [...held, agreed, voted(two, "op_b"), decided("call_2")];

  it("counts no dispatch for them, and wants something released", async (t) => {
    assert.deepEqual(await findingsOf(t, ...all, ...both, completedFrom(one, "call_2")), []);
    for (const outcome of ["ok", "partial"] as const) {
      assert.deepEqual(await findingsOf(t, ...all, completedFrom(one, "call_2", { outcome })), [
        { reason: "nothing_released", entry: 12, call: "call_2" },
      ]);
    }
    for (const outcome of ["held", "client_closed", "withheld", "unknown"] as const) {
      assert.deepEqual(await findingsOf(t, ...all, completedFrom(one, "call_2", { outcome })), []);
    }
    const dispatched = completedFrom(one, "call_2", { target: "demo/crow", dispatches: 1 });
    assert.deepEqual(
      (await findingsOf(t, ...all, ...both, dispatched)).map(({ reason }) => reason),
      ["dispatched_without_permit"],
    );
  });

  it("finds the whole where a part was released, and a part where the whole was", async (t) => {
    const part = [...held, agreed, ...rejected, decided("call_2"), ...both.slice(0, 2)];
    assert.deepEqual(await findingsOf(t, ...part, completedFrom(one, "call_2", { outcome: "partial" })), []);
    assert.deepEqual(await findingsOf(t, ...part, completedFrom(one, "call_2")), [
      { reason: "hold_not_released", entry: 15, call: "call_2", left: two.approval },
    ]);
    assert.deepEqual(
      await findingsOf(t, ...all, ...both, completedFrom(one, "call_2", { outcome: "partial" })),
      [{ reason: "nothing_withheld", entry: 16, call: "call_2" }],
    );
    assert.deepEqual(
      await findingsOf(t, ...all, ...both, completedFrom(one, "call_2", { outcome: "withheld" })),
      [
        {
          reason: "released_nonetheless",
          entry: 16,
          call: "call_2",
          outcome: "withheld",
          released: 13,
        },
      ],
    );
  });

  it("lets a part be what was permitted outright, where nothing was signed off", async (t) => {
    const refused = [closed(one, "revoked"), closed(two, "revoked"), decided("call_2")];
    const partial = completedFrom(one, "call_2", { outcome: "partial" });
    const beside = [decided(call), read, first, second, one, two, ended("held"), ...refused];
    assert.deepEqual(await findingsOf(t, ...beside, partial), []);
    assert.deepEqual(await findingsOf(t, ...held, ...refused, partial), [
      { reason: "nothing_released", entry: 12, call: "call_2" },
    ]);
  });

  it("finds a hold that nobody knows, and one of another application", async (t) => {
    const unknown = completedFrom({ ...one, hold: "hold_9" }, "call_2");
    assert.deepEqual(await findingsOf(t, decided("call_2"), unknown), [
      { reason: "hold_unknown", entry: 4, call: "call_2", hold: "hold_9" },
    ]);
    const shop = { application: "shop" };
    const theirs = [decided("call_2", shop), completedFrom(one, "call_2", { ...shop, outcome: "held" })];
    assert.deepEqual(await findingsOf(t, ...held, ...theirs), [
      { reason: "hold_unknown", entry: 10, call: "call_2", hold: one.hold },
    ]);
    assert.deepEqual(await findingsOf(t, ...opening.slice(0, 2), withheld), []);
  });
});
