import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, renameSync, rmSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { EncodedEntry } from "../core/entry.ts";
import { ActivePolicies, type ActivePoliciesOptions, type PolicyEvents } from "./active-policies.ts";
import { watchFolder } from "./folder-watch.ts";
import { loadPolicies } from "./load.ts";
import { chat, monday, permitCalls, policyFolder, testWorld } from "./policy.test-support.ts";
import type { PolicyProblem } from "./problem.ts";
import type { RevisionRecord, RevisionStore } from "./revision-store.ts";

const forbidAll = '@id("no") @reason("closed") forbid (principal, action, resource);';
const broken = "permit (principal";

class MemoryRevisions implements RevisionStore {
  readonly records: RevisionRecord[] = [];
  readonly entries: EncodedEntry[] = [];
  /** Awaited before an activation is durable. */
  commit: () => Promise<void> = async () => undefined;
  #active: string | null = null;

  async active(): Promise<string | null> {
    return this.#active;
  }

  async activate(record: RevisionRecord, entry: EncodedEntry): Promise<void> {
    await this.commit();
    this.records.push(record);
    this.entries.push(entry);
    this.#active = record.revision;
  }

  async byRevision(revision: string): Promise<RevisionRecord | null> {
    return this.records.find((record) => record.revision === revision) ?? null;
  }
}

function bench(t: TestContext, files: Readonly<Record<string, string>>) {
  const folder = policyFolder(t, files);
  const store = new MemoryRevisions();
  const events: Parameters<PolicyEvents["activated"]>[0][] = [];
  const problems: (readonly PolicyProblem[])[] = [];
  const activated: string[] = [];
  const heard = new EventTarget();
  const options: ActivePoliciesOptions = {
    folder,
    world: testWorld,
    store,
    events: {
      activated: (event) => {
        events.push(event);
        return { id: String(events.length), leaf: new Uint8Array(), salt: null };
      },
    },
    now: () => monday,
    onActivated: (revision) => {
      activated.push(revision);
      heard.dispatchEvent(new Event("activated"));
    },
    onProblem: (found) => {
      problems.push(found);
      heard.dispatchEvent(new Event("problem"));
    },
  };
  const write = (text: string, name = "a.cedar"): void => writeFileSync(join(folder, name), text);
  const next = (name: "activated" | "problem"): Promise<unknown> =>
    new Promise((resolve) => heard.addEventListener(name, resolve, { once: true }));
  const open = async (): Promise<ActivePolicies> => {
    const opened = await ActivePolicies.open(options);
    assert.ok(opened.ok);
    t.after(() => opened.value.close());
    return opened.value;
  };
  return { folder, store, events, problems, activated, options, write, next, open };
}

test("a start records the activation with all that the revision rests on, a second start adds nothing", async (t) => {
  const { store, events, open } = bench(t, { "a.cedar": permitCalls });
  const policies = await open();
  assert.equal(policies.decide(chat()).outcome, "permit");
  assert.equal(policies.decide(chat()).revision, policies.revision);
  assert.deepEqual(events, [
    { revision: policies.revision, previous: null, policies: 2, engine: "cedar-wasm 4.13.0" },
  ]);
  const [record] = store.records;
  assert.deepEqual(
    [record?.revision, record?.activatedAt, store.entries.length],
    [policies.revision, monday, 1],
  );
  assert.match(record?.content ?? "", /applications|portcullis\/floor/);
  await open();
  assert.equal(events.length, 1);
});

test("a broken folder at start is a failure with its problems, and nothing is recorded", async (t) => {
  const { store, options } = bench(t, { "a.cedar": permitCalls, "b.cedar": broken });
  const opened = await ActivePolicies.open(options);
  assert.ok(!opened.ok);
  assert.deepEqual(
    [opened.failure[0]?.file, opened.failure[0]?.line, store.records.length],
    ["b.cedar", 1, 0],
  );
});

test("an activation that cannot be recorded at start does not start", async (t) => {
  const { store, options } = bench(t, { "a.cedar": permitCalls });
  store.commit = async () => Promise.reject(new Error("disk full"));
  await assert.rejects(ActivePolicies.open(options), /disk full/);
});

test("a reload puts a changed folder in force for new calls and records it", async (t) => {
  const { events, activated, write, open } = bench(t, { "a.cedar": permitCalls });
  const policies = await open();
  const first = policies.revision;
  assert.equal(policies.decide(chat()).outcome, "permit");
  write(permitCalls + forbidAll);
  assert.ok((await policies.reload()).ok);
  assert.deepEqual(
    policies.decide(chat()).policies,
    [{ id: "no", reason: "closed" }],
    "nothing cached outlives its revision",
  );
  assert.deepEqual(
    [events[1]?.previous, events[1]?.revision, activated],
    [first, policies.revision, [policies.revision]],
  );
  write(permitCalls);
  await policies.reload();
  assert.deepEqual([policies.revision, policies.decide(chat()).outcome, events.length], [first, "permit", 3]);
});

test("a reload of an unchanged folder does nothing", async (t) => {
  const { events, activated, open } = bench(t, { "a.cedar": permitCalls });
  const policies = await open();
  assert.deepEqual(await policies.reload(), { ok: true, value: policies.revision });
  assert.deepEqual([events.length, activated], [1, []]);
});

test("a broken reload keeps what runs, says why, and the next sound one is taken", async (t) => {
  const { folder, problems, events, write, open } = bench(t, { "a.cedar": permitCalls });
  const policies = await open();
  for (const spoil of [
    () => write(broken),
    () => write(permitCalls + permitCalls),
    () => rmSync(folder, { recursive: true }),
  ]) {
    spoil();
    assert.ok(!(await policies.reload()).ok);
    assert.equal(policies.decide(chat()).outcome, "permit");
    assert.equal(policies.decide(chat({}, "demo/not-cached-yet")).outcome, "permit");
  }
  assert.deepEqual([problems.length, events.length], [3, 1]);
  mkdirSync(folder);
  write(permitCalls + forbidAll);
  assert.ok((await policies.reload()).ok);
  assert.equal(policies.decide(chat()).outcome, "deny");
});

test("nothing decides by new policies before their activation is durable", async (t) => {
  const { store, write, open } = bench(t, { "a.cedar": permitCalls });
  const policies = await open();
  const before = policies.revision;
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  const { promise: committed, resolve: commit } = Promise.withResolvers<void>();
  store.commit = () => {
    reach();
    return committed;
  };
  write(permitCalls + forbidAll);
  const reloaded = policies.reload();
  await reached;
  assert.deepEqual([policies.decide(chat()).outcome, policies.revision], ["permit", before]);
  commit();
  await reloaded;
  assert.equal(policies.decide(chat()).outcome, "deny");
});

test("an activation that cannot be recorded keeps what runs, also when it is tried again", async (t) => {
  const { store, problems, write, open } = bench(t, { "a.cedar": permitCalls });
  const policies = await open();
  store.commit = async () => Promise.reject(new Error("disk full"));
  write(permitCalls + forbidAll);
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    assert.ok(!(await policies.reload()).ok);
    assert.match(problems.at(-1)?.[0]?.message ?? "", /disk full/);
    assert.equal(policies.decide(chat({}, `demo/${attempt}`)).outcome, "permit");
  }
  store.commit = async () => undefined;
  assert.ok((await policies.reload()).ok);
  assert.equal(policies.decide(chat()).outcome, "deny");
});

test("reloads asked for at once happen one after the other", async (t) => {
  const { folder, store, events, write, open } = bench(t, { "a.cedar": permitCalls });
  const policies = await open();
  let committing = 0;
  let most = 0;
  store.commit = async () => {
    committing += 1;
    most = Math.max(most, committing);
    // Time enough for another reload to get as far.
    for (let load = 0; load < 3; load += 1) await loadPolicies(folder, testWorld);
    committing -= 1;
  };
  write(permitCalls + forbidAll);
  const results = await Promise.all([policies.reload(), policies.reload(), policies.reload()]);
  assert.deepEqual([results.every((result) => result.ok), events.length, most], [true, 2, 1]);
});

const quick = { settleMs: 5, rescanMs: 20 };

test("a watched folder is put in force when it changes, and its mistakes are reported", async (t) => {
  const { problems, write, next, open } = bench(t, { "a.cedar": permitCalls });
  const policies = await open();
  policies.watch(quick);
  const activated = next("activated");
  write(forbidAll, "b.cedar");
  await activated;
  assert.equal(policies.decide(chat()).outcome, "deny");
  const problem = next("problem");
  write(broken, "b.cedar");
  await problem;
  assert.equal(problems.at(-1)?.[0]?.file, "b.cedar");
  assert.equal(policies.decide(chat()).outcome, "deny");
});

test("a folder that is replaced as a whole is noticed too", async (t) => {
  const { folder, next, open } = bench(t, { "a.cedar": permitCalls });
  const policies = await open();
  policies.watch(quick);
  const activated = next("activated");
  const other = policyFolder(t, { "a.cedar": permitCalls + forbidAll });
  renameSync(folder, `${folder}-old`);
  t.after(() => rmSync(`${folder}-old`, { recursive: true }));
  renameSync(other, folder);
  await activated;
  assert.equal(policies.decide(chat()).outcome, "deny");
});

test("a changed policy is told of although another file in the folder does not come to rest", async (t) => {
  const folder = policyFolder(t, { "a.cedar": permitCalls, "notes.log": "" });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let told = 0;
  const policies = watchFolder(folder, () => (told += 1), { settleMs: 200, rescanMs: 2_000 });
  t.after(() => policies.close());
  const notices = watch(folder);
  t.after(() => notices.close());
  for (let second = 0; second < 30 && told === 0; second += 1) {
    if (second === 0) writeFileSync(join(folder, "a.cedar"), forbidAll);
    const noticed = once(notices, "change");
    writeFileSync(join(folder, "notes.log"), String(second));
    await noticed;
    await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(150);
  }
  assert.ok(told > 0, "within 4.5 seconds");
});
