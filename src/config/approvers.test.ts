import assert from "node:assert/strict";
import { test } from "node:test";
import { groupsOf, isApprover, signOffsOf } from "./approvers.ts";

const times = { quorum: 1, decide_within: 1, use_within: 1 };
const config = {
  groups: { finance: ["Ana@example.com", "ben@example.com"], operators: ["owner@localhost"], empty: [] },
  sign_offs: {
    default: { ...times, approvers: ["group:operators"] },
    payments: { ...times, approvers: ["group:finance", "Eve@example.com"] },
    nobody: { ...times, approvers: ["group:empty", "group:missing", "group:constructor", "constructor"] },
  },
};

test("the groups of a person are those that list them, however the address is written", () => {
  assert.deepEqual(groupsOf(config, "ana@EXAMPLE.com"), ["finance"]);
  assert.deepEqual(groupsOf(config, "owner@localhost"), ["operators"]);
  for (const name of ["eve@example.com", "finance", "group:finance", "", "constructor"])
    assert.deepEqual(groupsOf(config, name), [], name);
});

test("who may give a sign-off stands in it by name or in a group of it, and nobody else may", () => {
  assert.equal(isApprover(config, "payments", "ben@example.com"), true);
  assert.equal(isApprover(config, "payments", "eve@example.com"), true);
  assert.equal(isApprover(config, "default", "owner@localhost"), true);
  for (const [signOff, name] of [
    ["default", "ana@example.com"],
    ["payments", "owner@localhost"],
    ["payments", "finance"],
    ["payments", "group:finance"],
    ["nobody", "ana@example.com"],
    ["missing", "ana@example.com"],
    ["constructor", "ana@example.com"],
    ["__proto__", "ana@example.com"],
  ] as const) {
    assert.equal(isApprover(config, signOff, name), false, `${signOff} ${name}`);
  }
  assert.deepEqual(signOffsOf(config, "ana@example.com"), ["payments"]);
  assert.deepEqual(signOffsOf(config, "stranger@example.com"), []);
});
