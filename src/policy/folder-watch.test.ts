import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Worker } from "node:worker_threads";
import { ActivePolicies } from "./active-policies.ts";
import { type WatchTimes, watchFolder } from "./folder-watch.ts";
import { chat, monday, permitCalls, policyFolder, testWorld } from "./policy.test-support.ts";
import type { PolicyProblem } from "./problem.ts";

// Every write below is synchronous, so that no reload can run between the beginning and the end of a change.

/** Notices alone: the next look at the folder is further away than any test. */
const byNotice = { settleMs: 100, rescanMs: 600_000 };
/** For what the system gives no notice of, or not on every platform. */
const byLooking = { settleMs: 20, rescanMs: 20 };

const forbid = (id: string): string => `@id("${id}") forbid (principal, action, resource);\n`;

/** Things that happen one after the other, each awaited once. */
class Heard<Value> {
  readonly #waiting: ((value: Value) => void)[] = [];
  readonly #unheard: Value[] = [];
  count = 0;

  tell(value: Value): void {
    this.count += 1;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#unheard.push(value);
    else waiting(value);
  }

  next(): Promise<Value> {
    const [unheard] = this.#unheard.splice(0, 1);
    if (unheard !== undefined) return Promise.resolve(unheard);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

async function watched(t: TestContext, files: Readonly<Record<string, string>>, times = byNotice) {
  const folder = policyFolder(t, files);
  const activated = new Heard<string>();
  const problems = new Heard<readonly PolicyProblem[]>();
  /** Texts by file of every revision that was activated after the start. */
  const contents: Readonly<Record<string, string>>[] = [];
  let active: string | null = null;
  const opened = await ActivePolicies.open({
    folder,
    world: testWorld,
    store: {
      active: async () => active,
      activate: async (record) => {
        active = record.revision;
        const { files: texts }: { files: readonly { name: string; text: string }[] } = JSON.parse(
          record.content,
        );
        contents.push(Object.fromEntries(texts.map(({ name, text }) => [name, text])));
      },
      byRevision: async () => null,
    },
    events: { activated: () => ({ id: "", leaf: new Uint8Array(), salt: null }) },
    now: () => monday,
    onActivated: (revision) => activated.tell(revision),
    onProblem: (found) => problems.tell(found),
  });
  assert.ok(opened.ok);
  const policies = opened.value;
  contents.length = 0;
  policies.watch(times);
  t.after(() => policies.close());
  keepAlive(t);
  return { folder, policies, activated, problems, contents };
}

/** Changes of the folder, and nothing made of them. */
function changesOf(t: TestContext, folder: string, times: WatchTimes): Heard<null> {
  const changes = new Heard<null>();
  const watch = watchFolder(folder, () => changes.tell(null), times);
  t.after(() => watch.close());
  keepAlive(t);
  return changes;
}

/** A watch keeps no process alive, and neither do promises. */
function keepAlive(t: TestContext): void {
  const alive = setInterval(() => {}, 60_000);
  t.after(() => clearInterval(alive));
}

const ids = (policies: ActivePolicies): readonly string[] =>
  policies.decide(chat()).policies.map(({ id }) => id);

test("a changed policy is in force once its activation is told, and so is every later one", async (t) => {
  const { folder, policies, activated, problems } = await watched(t, { "a.cedar": permitCalls });
  assert.deepEqual(ids(policies), ["calls"]);
  for (const id of ["first", "second"]) {
    writeFileSync(join(folder, "a.cedar"), permitCalls + forbid(id));
    assert.equal(await activated.next(), policies.revision);
    assert.deepEqual(ids(policies), [id]);
  }
  assert.equal(problems.count, 0);
});

test("a broken folder keeps what is in force, tells what is wrong, and is taken once it is mended", async (t) => {
  const { folder, policies, activated, problems } = await watched(t, {
    "a.cedar": permitCalls + forbid("no"),
  });
  const before = policies.revision;
  writeFileSync(join(folder, "b.cedar"), "permit (principal");
  const [problem] = await problems.next();
  assert.deepEqual([problem?.file, problem?.line], ["b.cedar", 1]);
  assert.deepEqual([policies.revision, ids(policies), activated.count], [before, ["no"], 0]);
  writeFileSync(join(folder, "b.cedar"), forbid("mended"));
  await activated.next();
  assert.deepEqual(ids(policies), ["mended", "no"]);
});

test("files that come, go, are renamed, or lie in folders of their own are picked up", async (t) => {
  const { folder, policies, activated, problems } = await watched(t, { "a.cedar": permitCalls }, byLooking);
  const steps: readonly (readonly [() => void, readonly string[]])[] = [
    [() => writeFileSync(join(folder, "b.cedar"), forbid("b")), ["b"]],
    [() => renameSync(join(folder, "b.cedar"), join(folder, "c.cedar")), ["b"]],
    [() => unlinkSync(join(folder, "c.cedar")), ["calls"]],
    [
      () => {
        mkdirSync(join(folder, "teams"));
        writeFileSync(join(folder, "teams", "d.cedar"), forbid("d"));
      },
      ["d"],
    ],
    [() => writeFileSync(join(folder, "teams", "d.cedar"), forbid("d2")), ["d2"]],
    [() => rmSync(join(folder, "teams"), { recursive: true }), ["calls"]],
  ];
  for (const [change, expected] of steps) {
    change();
    await activated.next();
    assert.deepEqual(ids(policies), expected, String(change));
  }
  assert.equal(problems.count, 0);
});

test("an editor's way of saving, a new file renamed into place, is picked up each time", async (t) => {
  const { folder, policies, activated } = await watched(t, { "a.cedar": permitCalls });
  for (const id of ["first", "second", "third"]) {
    writeFileSync(join(folder, ".a.cedar.swp"), "not a policy");
    writeFileSync(join(folder, "a.cedar~"), permitCalls + forbid(id));
    renameSync(join(folder, "a.cedar~"), join(folder, "a.cedar"));
    await activated.next();
    assert.deepEqual(ids(policies), [id]);
  }
});

test("taking the last policy away is a problem and not an open gate, and nothing is lost by it", async (t) => {
  const { folder, policies, activated, problems } = await watched(t, {
    "a.cedar": permitCalls + forbid("no"),
  });
  unlinkSync(join(folder, "a.cedar"));
  const [problem] = await problems.next();
  assert.match(problem?.message ?? "", /has no \.cedar file/);
  assert.deepEqual(ids(policies), ["no"]);
  writeFileSync(join(folder, "a.cedar"), permitCalls);
  await activated.next();
  assert.deepEqual(ids(policies), ["calls"]);
});

test("a folder that is replaced, or was gone for a while, is found again", async (t) => {
  const { folder, policies, activated, problems } = await watched(t, { "a.cedar": permitCalls }, byLooking);
  const other = policyFolder(t, { "a.cedar": permitCalls + forbid("other") });
  renameSync(folder, `${folder}-old`);
  t.after(() => rmSync(`${folder}-old`, { recursive: true }));
  renameSync(other, folder);
  await activated.next();
  assert.deepEqual(ids(policies), ["other"]);

  rmSync(folder, { recursive: true });
  const [problem] = await problems.next();
  assert.match(problem?.message ?? "", /there is no policy folder/);
  assert.deepEqual(ids(policies), ["other"]);
  mkdirSync(folder);
  writeFileSync(join(folder, "a.cedar"), permitCalls + forbid("back"));
  await activated.next();
  assert.deepEqual(ids(policies), ["back"], "and what is written to the new folder counts");
  writeFileSync(join(folder, "a.cedar"), permitCalls + forbid("again"));
  await activated.next();
  assert.deepEqual(ids(policies), ["again"]);
});

test("a link that is turned to another revision, as Kubernetes does it, is one change", async (t) => {
  const { folder, policies, activated, problems, contents } = await watched(
    t,
    { "x.cedar": permitCalls },
    byLooking,
  );
  const turn = (revision: string, text: string): void => {
    mkdirSync(join(folder, revision));
    writeFileSync(join(folder, revision, "a.cedar"), text);
    symlinkSync(revision, join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
  };
  turn("..2026_1", forbid("one"));
  symlinkSync("..data/a.cedar", join(folder, "a.cedar"));
  await activated.next();
  assert.deepEqual(ids(policies), ["one"]);
  turn("..2026_2", forbid("two"));
  await activated.next();
  assert.deepEqual([ids(policies), contents.length, problems.count], [["two"], 2, 0]);
});

test("a burst of writes is one change, told when it has come to rest", async (t) => {
  const folder = policyFolder(t, { "a.cedar": permitCalls });
  const changes = changesOf(t, folder, { ...byNotice, settleMs: 250 });
  await changes.next();
  for (const burst of [1, 2]) {
    for (let at = 0; at < 50; at += 1) writeFileSync(join(folder, `${at}.cedar`), forbid(`b${burst}-${at}`));
    await changes.next();
  }
  assert.equal(changes.count, 3, "the first look, and one for each burst");
});

test("a burst that goes through broken states gives one reload of where it ends", async (t) => {
  const { folder, policies, activated, problems, contents } = await watched(t, { "a.cedar": permitCalls });
  for (let at = 0; at <= 20; at += 1) {
    unlinkSync(join(folder, "a.cedar"));
    writeFileSync(join(folder, "b.cedar"), "permit (");
    writeFileSync(join(folder, "a.cedar"), permitCalls);
    writeFileSync(join(folder, "b.cedar"), forbid(`b-${at}`));
  }
  await activated.next();
  assert.deepEqual([ids(policies), contents.length, problems.count], [["b-20"], 1, 0]);
});

const writer = `
const { renameSync, writeFileSync } = require("node:fs");
const { workerData: { folder, rounds } } = require("node:worker_threads");
const put = (name, text) => {
  writeFileSync(folder + "/." + name, text);
  renameSync(folder + "/." + name, folder + "/" + name);
};
for (let round = 1; round <= rounds; round += 1) {
  for (const name of ["a.cedar", "b.cedar"]) {
    put(name, '@id("' + name[0] + '") @reason("' + round + '") forbid (principal, action, resource);');
  }
}
`;

test("whatever is read while others write, only a folder as it stood at one moment is put in force", async (t) => {
  const rounds = 500;
  const first = (name: string): string => `@id("${name}") @reason("0") forbid (principal, action, resource);`;
  const { folder, policies, activated, contents } = await watched(
    t,
    { "a.cedar": first("a"), "b.cedar": first("b") },
    { settleMs: 0, rescanMs: 100 },
  );
  const worker = new Worker(writer, { eval: true, workerData: { folder, rounds } });
  t.after(() => worker.terminate());
  while (!policies.decide(chat()).policies.every(({ reason }) => reason === String(rounds)))
    await activated.next();
  for (const texts of contents) {
    const [a = 0, b = 0] = ["a.cedar", "b.cedar"].map((name) =>
      Number(/@reason\("(\d+)"\)/.exec(texts[name] ?? "")?.[1]),
    );
    assert.ok(
      a - b === 0 || a - b === 1,
      `round ${a} of one file and ${b} of the other never stood together`,
    );
  }
});

test("a folder that is not there yet is watched too", async (t) => {
  const folder = join(policyFolder(t, {}), "later");
  const changes = changesOf(t, folder, byLooking);
  await changes.next();
  mkdirSync(folder);
  writeFileSync(join(folder, "a.cedar"), permitCalls);
  await changes.next();
});

test("once it is closed nothing more is told, whatever it was doing", async (t) => {
  const folder = policyFolder(t, { "a.cedar": permitCalls });
  const times = { settleMs: 5, rescanMs: 5 };
  const late: number[] = [];
  // Each is closed a turn of the event loop later than the one before it: at rest, while it looks, while it settles.
  for (let turns = 0; turns < 60; turns += 1) {
    let closed = false;
    const watch = watchFolder(folder, () => (closed ? late.push(turns) : undefined), times);
    writeFileSync(join(folder, "a.cedar"), permitCalls + forbid(`t${turns}`));
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    watch.close();
    closed = true;
  }
  // Another watch, on the same times, notices two changes: by then each of the others would have.
  const changes = changesOf(t, folder, times);
  await changes.next();
  for (const id of ["one", "two"]) {
    writeFileSync(join(folder, "a.cedar"), permitCalls + forbid(id));
    await changes.next();
  }
  assert.deepEqual(late, []);
});
