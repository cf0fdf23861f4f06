// Several gateways on the same data: each decides by what one of them put in force last, or denies.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ActivePolicies } from "./active-policies.ts";
import { chat, permitCalls, policyFolder, testWorld } from "./policy.test-support.ts";
import type { PolicyProblem } from "./problem.ts";
import type { RevisionRecord, RevisionStore } from "./revision-store.ts";
import type { PolicyWorld } from "./world.ts";

const forbidAll = '@id("none") forbid (principal, action, resource);\n';
const otherWorld: PolicyWorld = { ...testWorld, groups: [...testWorld.groups, "another"] };

function sharedStore(): RevisionStore {
  const records = new Map<string, RevisionRecord>();
  let active: string | null = null;
  return {
    active: async () => active,
    activate: async (record) => {
      records.set(record.revision, record);
      active = record.revision;
    },
    byRevision: async (revision) => records.get(revision) ?? null,
  };
}

async function gateway(t: TestContext, store: RevisionStore, text: string, world = testWorld) {
  const folder = policyFolder(t, { "a.cedar": text });
  const problems: PolicyProblem[] = [];
  const opened = await ActivePolicies.open({
    folder,
    world,
    store,
    events: { activated: () => ({ id: "", leaf: new Uint8Array(), salt: null }) },
    now: () => 0,
    onActivated: () => {},
    onProblem: (found) => problems.push(...found),
  });
  assert.ok(opened.ok);
  return { folder, problems, policies: opened.value };
}

test("a gateway decides by the revision that another put in force, whatever lies in its own folder", async (t) => {
  const store = sharedStore();
  const first = await gateway(t, store, permitCalls);
  assert.equal(first.policies.decide(chat()).outcome, "permit");
  const second = await gateway(t, store, permitCalls + forbidAll);
  await first.policies.follow();
  assert.equal(first.policies.revision, second.policies.revision);
  assert.equal(first.policies.decide(chat()).outcome, "deny");
  assert.equal(first.policies.inStep, true);
  assert.deepEqual(first.problems, []);
});

test("a gateway whose config does not go with that revision denies everything, and says so once", async (t) => {
  const store = sharedStore();
  const lagging = await gateway(t, store, permitCalls);
  const ahead = await gateway(t, store, permitCalls, otherWorld);
  for (let look = 0; look < 3; look += 1) await lagging.policies.follow();
  const decision = lagging.policies.decide(chat());
  assert.equal(decision.outcome, "deny");
  assert.match(decision.error ?? "", /another gateway has put policies in force/);
  assert.equal(lagging.policies.inStep, false);
  assert.equal(lagging.problems.length, 1);
  assert.equal(ahead.policies.decide(chat()).outcome, "permit");

  // A file that is touched takes nothing back; the config that the other has does away with it.
  writeFileSync(join(lagging.folder, "a.cedar"), `// touched\n${permitCalls}`);
  assert.equal((await lagging.policies.reload()).ok, false);
  assert.equal(await store.active(), ahead.policies.revision);
  writeFileSync(join(lagging.folder, "a.cedar"), permitCalls);
  assert.equal((await lagging.policies.reload(otherWorld)).ok, true);
  assert.equal(lagging.policies.inStep, true);
  assert.equal(lagging.policies.revision, ahead.policies.revision);
  assert.equal(lagging.policies.decide(chat()).outcome, "permit");
});

test("a revision whose content was exchanged in the store is not followed", async (t) => {
  const store = sharedStore();
  const first = await gateway(t, store, permitCalls + forbidAll);
  const second = await gateway(t, store, permitCalls);
  const kept = await store.byRevision(second.policies.revision);
  assert.ok(kept !== null);
  for (const content of [
    "",
    "{}",
    kept.content.replace("@id(", "@ID("),
    kept.content.replace("calls", "callz"),
  ]) {
    const changed: RevisionStore = { ...store, byRevision: async () => ({ ...kept, content }) };
    const follower = await gateway(t, { ...changed, activate: async () => {} }, permitCalls + forbidAll);
    await follower.policies.follow();
    assert.equal(follower.policies.inStep, false, content.slice(0, 40));
  }
  await first.policies.follow();
  assert.equal(first.policies.inStep, true);
});

test("what the store cannot say is no reason to decide otherwise, and is told to whoever asked", async (t) => {
  const store = sharedStore();
  const { policies } = await gateway(t, store, permitCalls);
  store.active = () => Promise.reject(new Error("the database is away"));
  await assert.rejects(policies.follow(), /database is away/);
  assert.equal(policies.decide(chat()).outcome, "permit");
});
