import assert from "node:assert/strict";
import { test } from "node:test";
import { checkAsJson, checkAsText, checkPolicies } from "./check-policies.ts";
import { permitCalls, permitTools, policyFolder, testWorld } from "./policy.test-support.ts";

test("a sound folder is counted without the floor", async (t) => {
  const folder = policyFolder(t, { "a.cedar": permitCalls, "b.cedar": permitTools });
  const check = await checkPolicies(folder, testWorld);
  assert.equal(checkAsText(check), `2 policies in \`${folder}\`: no problem found`);
  assert.match(check.revision ?? "", /^[0-9a-f]{64}$/);
});

test("problems are shown one below the other for people, and whole for programs", async (t) => {
  const folder = policyFolder(t, { "a.cedar": "permit (principal", "b.cedar": permitCalls.slice(13) });
  const check = await checkPolicies(folder, testWorld);
  const text = checkAsText(check);
  assert.match(
    text,
    /^a\.cedar:1:18: unexpected end of input\n {2}1 \| permit \(principal\n {23}\^\n {2}help: expected/,
  );
  assert.match(text, /\n\nb\.cedar:1:1: the policy has no `@id`\n/);
  assert.ok(text.endsWith(`2 problems in \`${folder}\`: nothing of it would be put in force`));
  assert.deepEqual(JSON.parse(checkAsJson(check)), check);
});

test("control characters of a policy do not reach the terminal", async (t) => {
  const folder = policyFolder(t, { "a.cedar": `permit (principal, \u001b[31m, action);` });
  assert.ok(!checkAsText(await checkPolicies(folder, testWorld)).includes("\u001b"));
});
