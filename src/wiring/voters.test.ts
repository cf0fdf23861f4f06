import assert from "node:assert/strict";
import { test } from "node:test";
import { voters } from "./voters.ts";

const times = { quorum: 1, decide_within: 1, use_within: 1 };
const person = { name: "ana@example.com", method: "token" } as const;
const owner = { name: "owner@localhost", method: "bootstrap" } as const;

function bench() {
  const state = {
    config: {
      groups: { finance: ["ana@example.com"] },
      sign_offs: { payments: { ...times, approvers: ["group:finance"] } },
    },
    endedBy: null as "operator_invited" | null,
  };
  const people = voters(
    { isEnrolled: (pseudonym) => pseudonym === "sub_ana" },
    { endedBy: async () => state.endedBy },
    () => state.config,
  );
  return { state, people };
}

test("a person may vote, and the gateway's own token only until that has ended", async () => {
  const { state, people } = bench();
  assert.deepEqual([await people.mayVote(person), await people.mayVote(owner)], [null, null]);
  state.endedBy = "operator_invited";
  assert.deepEqual([await people.mayVote(person), await people.mayVote(owner)], [null, "operator_invited"]);
});

test("where nobody can tell whether it has ended, that token's vote is not given", async () => {
  const people = voters(
    { isEnrolled: () => true },
    { endedBy: () => Promise.reject(new Error("no answer")) },
    () => bench().state.config,
  );
  await assert.rejects(people.mayVote(owner), /no answer/);
});

test("who may give a sign-off is asked of the config as it is by then", () => {
  const { state, people } = bench();
  assert.equal(people.isApprover("payments", "ana@example.com"), true);
  assert.deepEqual(people.groupsOf("ana@example.com"), ["finance"]);
  state.config = { ...state.config, groups: { finance: ["ben@example.com"] } };
  assert.equal(people.isApprover("payments", "ana@example.com"), false);
  assert.deepEqual(people.signOffsOf("ben@example.com"), ["payments"]);
  assert.deepEqual([people.isEnrolled("sub_ana"), people.isEnrolled("sub_ben")], [true, false]);
});
