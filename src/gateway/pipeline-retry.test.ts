import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fail } from "../core/result.ts";
import type { ProviderFailure } from "../providers/provider.ts";
import { Router } from "../providers/routing.ts";
import { openTestGateway, type TestGateway } from "./gateway.test-support.ts";
import { handleCall } from "./pipeline.ts";
import { openPolicies } from "./policies.test-support.ts";
import type { CallLeaf } from "./record.test-support.ts";
import { ask, askStream, catalog } from "./requests.test-support.ts";
import { completion, delta, done, type Script, streamOf, whole } from "./upstream.test-support.ts";

const policies = `${openPolicies}
@id("features") @reason("features may be used")
permit (principal, action == Portcullis::Action::"use_feature", resource);
`;

const aliases = {
  one: ["up/m"],
  two: ["up/m", "other/m"],
  fresh: ["up/n", "other/m"],
  spare: ["up/o", "other/spare"],
};

let gateway: TestGateway;
before(async () => {
  const patience = { retries: 2, firstByteMs: 1234, totalMs: 60_000 };
  gateway = await openTestGateway({ policies, catalog, aliases, patience });
});
after(() => gateway[Symbol.asyncDispose]());

type Sent = ReturnType<typeof whole>;

const hi = whole(200, completion({ role: "assistant", content: "hi" }));
const busy = whole(503, { error: { message: "busy  now" } });
const refused = broken("unreachable", { transient: true, unsent: true });

function broken(reason: ProviderFailure["reason"], more: Partial<ProviderFailure> = {}) {
  return fail<ProviderFailure>({ reason, detail: "so it is", ...more });
}

function waitingFor(headers: Readonly<Record<string, string>>): Sent {
  return busy.ok && busy.value.kind === "whole" ? { ok: true, value: { ...busy.value, headers } } : busy;
}

interface Plan {
  /** What `up` answers, one try after the other; the last one for ever. */
  readonly up: readonly (Sent | Script)[];
  readonly other?: Sent;
}

async function take({ up, other = hi }: Plan, body: object = ask({ model: "one" })) {
  gateway.control.laterMs += 100_000;
  gateway.journal.length = 0;
  let tries = 0;
  gateway.upstream().script = (request) => {
    const next = up[Math.min(tries, up.length - 1)] ?? busy;
    tries += 1;
    return typeof next === "function" ? next(request) : next;
  };
  gateway.upstream("other").script = () => other;
  const channel = await gateway.call(body);
  const entries = await gateway.entries(channel);
  return { channel, entries, completed: completedOf(entries), sent: sent() };
}

function completedOf(entries: readonly CallLeaf[]) {
  const completed = entries.at(-1);
  assert.ok(completed?.type === "call.completed");
  return completed;
}

function sent(): readonly string[] {
  return gateway.journal.filter((what) => what.startsWith("send ")).map((what) => what.slice(5));
}

test("a retry is a further dispatch under the decision on record, and both tries are on record with their reason", async () => {
  const { channel, entries, completed } = await take({ up: [busy, refused, hi] });
  assert.deepEqual(gateway.journal, [
    "durable decided permit up/m",
    "send up/m",
    "send up/m",
    "send up/m",
    "durable completed ok",
    "respond 200",
  ]);
  assert.equal(entries.length, 2);
  assert.deepEqual([completed.outcome, completed.dispatches], ["ok", 3]);
  assert.deepEqual(completed.failed, [
    { dispatch: 1, reason: "status", sent: true, status: 503, target: "up/m" },
    { dispatch: 1, reason: "unreachable", sent: false, status: null, target: "up/m" },
  ]);
  assert.equal(channel.headers["x-portcullis-model"], "up/m");
});

test("what may pass is tried again, as often as configured, and nothing else is", async () => {
  const cases: readonly (readonly [Sent, number])[] = [
    ...[408, 429, 500, 502, 503, 504].map((status) => [whole(status, {}), 3] as const),
    ...[400, 401, 404, 409, 422, 501].map((status) => [whole(status, {}), 1] as const),
    [whole(200, "{"), 1],
    [refused, 3],
    [broken("unreachable", { transient: true }), 3],
    [broken("unreachable"), 1],
    [broken("timeout"), 1],
    [broken("timeout", { transient: true }), 3],
    [broken("unavailable"), 1],
    [broken("invalid"), 1],
    [broken("too_large"), 1],
    [broken("cancelled"), 1],
  ];
  for (const [answer, tries] of cases) {
    const result = await take({ up: [answer] });
    assert.equal(result.sent.length, tries, JSON.stringify(answer));
    assert.equal(result.completed.failed?.length ?? 0, tries - 1);
  }
});

test("a call uses what its request takes once any of its tries reached a provider", async () => {
  const body = ask({ model: "two" });
  const reached = await take({ up: [broken("timeout")], other: refused }, body);
  assert.deepEqual(
    [reached.completed.outcome, reached.completed.usage.source],
    ["upstream_unreachable", "estimate"],
  );
  assert.ok(reached.completed.usage.input_tokens > 0);
  const unsent = await take({ up: [refused], other: refused }, body);
  assert.deepEqual(
    [unsent.completed.outcome, unsent.completed.usage.source],
    ["upstream_unreachable", "none"],
  );
});

test("a call that names no alias is tried once", async () => {
  assert.equal((await take({ up: [busy] }, ask({ model: "up/m" }))).sent.length, 1);
});

test("the next target is tried when retries are used up, decided anew, with every failure on record", async () => {
  const { entries, completed, sent } = await take({ up: [busy] }, ask({ model: "two" }));
  assert.deepEqual(sent, ["up/m", "up/m", "up/m", "other/m"]);
  assert.deepEqual(
    entries.map((leaf) => leaf.type),
    ["call.decided", "call.decided", "call.completed"],
  );
  assert.deepEqual([completed.outcome, completed.target, completed.dispatches], ["ok", "other/m", 4]);
  assert.deepEqual(
    completed.failed?.map(({ dispatch, target, status }) => [dispatch, target, status]),
    [
      [1, "up/m", 503],
      [1, "up/m", 503],
      [1, "up/m", 503],
    ],
  );
});

test("a request that makes its provider act is sent again only when nothing of it can have happened", async () => {
  const acting = ask({ model: "two", web_search_options: {} });
  for (const [answer, expected] of [
    [busy, ["up/m"]],
    [whole(500, {}), ["up/m"]],
    [broken("unreachable", { transient: true }), ["up/m"]],
    [broken("timeout"), ["up/m"]],
    [whole(429, {}), ["up/m", "up/m", "up/m", "other/m"]],
    [refused, ["up/m", "up/m", "up/m", "other/m"]],
    [broken("unavailable", { unsent: true }), ["up/m", "other/m"]],
  ] as const) {
    assert.deepEqual((await take({ up: [answer] }, acting)).sent, expected, JSON.stringify(answer));
  }
});

test("a target that wants to be left alone for longer is passed over at once, and its word reaches the client", async () => {
  const alone = waitingFor({ "retry-after": "11" });
  const { channel, sent } = await take({ up: [alone] });
  assert.deepEqual([sent.length, channel.headers["retry-after"]], [1, "11"]);
  assert.deepEqual((await take({ up: [alone] }, ask({ model: "two" }))).sent, ["up/m", "other/m"]);
});

test("a client that leaves while a retry is waited for ends the waiting", async (t) => {
  // No time passes: a wait that leaving does not end has no end.
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const channel = gateway.channel();
  gateway.journal.length = 0;
  gateway.control.laterMs += 100_000;
  const headers = { "retry-after": "9" };
  gateway.upstream().script = () => {
    setImmediate(() => channel.leave());
    return waitingFor(headers);
  };
  await gateway.call(ask({ model: "two" }), { channel });
  assert.deepEqual(sent(), ["up/m"]);
  const completed = completedOf(await gateway.entriesOfLast());
  assert.deepEqual([completed.outcome, completed.dispatches], ["client_closed", 1]);
});

test("a wait that the call has no time for is not begun", async () => {
  gateway.control.laterMs += 100_000;
  gateway.journal.length = 0;
  gateway.upstream().script = () => waitingFor({ "retry-after": "5" });
  const patience = { retries: 5, firstByteMs: null, totalMs: 3000 };
  const router = new Router({
    providers: new Map([["up", null]]),
    aliases: [{ name: "hurried", targets: ["up/m"], patience }],
  });
  const channel = gateway.channel();
  const incoming = {
    endpoint: "chat",
    headers: { authorization: `Bearer ${gateway.key}` },
    body: Buffer.from(JSON.stringify(ask({ model: "hurried" }))),
    sourceAddress: "10.1.2.3",
    arrivedAt: performance.now(),
  } as const;
  await handleCall({ ...gateway.parts, router }, incoming, channel);
  assert.deepEqual([channel.status, sent().length], [503, 1]);
});

test("a stream that has begun is not begun again, and one that was refused before is", async () => {
  const good = streamOf([delta({ content: "a" }), delta({}, "stop"), done]).script;
  const early = await take({ up: [busy, good] }, askStream({ model: "one" }));
  assert.equal(early.sent.length, 2);
  assert.match(early.channel.text, /\[DONE\]/);
  const late = await take({ up: [streamOf([]).script, good] }, askStream({ model: "one" }));
  assert.equal(late.sent.length, 1);
  assert.match(late.channel.text, /upstream_invalid/);
});

test("each try is given the alias's time for its first byte, and what is left of the call's", async () => {
  await take({ up: [busy, hi] });
  const [first, second] = gateway.upstream().sent.slice(-2);
  assert.deepEqual([first?.firstByteMs, first?.totalMs], [1234, 60_000]);
  assert.equal(second?.firstByteMs, 1234);
  assert.ok((second?.totalMs ?? 0) > 0 && (second?.totalMs ?? 0) < 60_000);
});

test("retries of many calls that fail together stay within the target's budget", async () => {
  gateway.control.laterMs += 100_000;
  gateway.journal.length = 0;
  gateway.upstream().script = () => whole(429, {});
  for (let call = 0; call < 30; call += 1) await gateway.call(ask({ model: "one" }));
  // Thirty calls, ten retries that are free, and a fifth of the calls.
  assert.equal(sent().length, 30 + 10 + 6);
});

test("a target that keeps failing is not asked: the next one is, and without one the client is told when to come back", async () => {
  gateway.control.laterMs += 100_000;
  gateway.upstream().script = () => busy;
  gateway.upstream("other").script = () => hi;
  for (let call = 0; call < 5; call += 1) await gateway.call(ask({ model: "up/m" }));
  assert.match(gateway.faults.join("\n"), /up\/m open$/);
  gateway.journal.length = 0;
  const passed = await gateway.call(ask({ model: "two" }));
  assert.deepEqual([sent(), passed.headers["x-portcullis-model"]], [["other/m"], "other/m"]);
  assert.deepEqual(completedOf(await gateway.entries(passed)).failed, [
    { dispatch: 1, reason: "circuit_open", sent: false, status: null, target: "up/m" },
  ]);
  gateway.journal.length = 0;
  const channel = await gateway.call(ask({ model: "one" }));
  assert.deepEqual(
    [channel.status, channel.headers["retry-after"], Object(channel.json["error"]).code],
    [503, "5", "circuit_open"],
  );
  const entries = await gateway.entries(channel);
  const { outcome, reason, target, dispatches, usage } = completedOf(entries);
  assert.deepEqual(
    [entries.length, outcome, reason, target, dispatches, usage.source],
    [2, "upstream_unreachable", "circuit_open", null, 0, "none"],
  );
  assert.deepEqual(gateway.journal, [
    "durable decided permit up/m",
    "durable completed upstream_unreachable",
    "refuse circuit_open",
  ]);
});

test("a failure that was met is told before a target that was passed over", async () => {
  gateway.control.laterMs += 100_000;
  gateway.upstream("other").script = () => busy;
  for (let call = 0; call < 5; call += 1) await gateway.call(ask({ model: "other/m" }));
  gateway.upstream().script = () => whole(500, { error: { message: "of the first" } });
  const channel = await gateway.call(ask({ model: "fresh" }));
  assert.deepEqual([channel.status, channel.headers["x-portcullis-model"]], [500, "up/n"]);
  const completed = completedOf(await gateway.entries(channel));
  assert.deepEqual(
    [completed.outcome, completed.target, completed.dispatches],
    ["upstream_error", "up/n", 3],
  );
  assert.deepEqual(
    completed.failed?.map(({ target, reason }) => [target, reason]),
    [
      ["up/n", "status"],
      ["up/n", "status"],
      ["other/m", "circuit_open"],
    ],
  );
});

test("a target that was left alone is tried by one call, and then by all", async () => {
  gateway.control.laterMs += 100_000;
  gateway.upstream().script = () => busy;
  for (let call = 0; call < 5; call += 1) await gateway.call(ask({ model: "up/m" }));
  gateway.control.laterMs += 61_000;
  const probe = Promise.withResolvers<Sent>();
  const arrived = Promise.withResolvers<void>();
  gateway.upstream().script = () => {
    arrived.resolve();
    return probe.promise;
  };
  const first = gateway.call(ask({ model: "up/m" }));
  await arrived.promise;
  assert.equal((await gateway.call(ask({ model: "up/m" }))).status, 503);
  probe.resolve(hi);
  assert.equal((await first).status, 200);
  gateway.upstream().script = () => hi;
  assert.equal((await gateway.call(ask({ model: "up/m" }))).status, 200);
});

test("a target that a call had no time left for is not taken for one that fails", async () => {
  const tooLate = broken("timeout", { callOver: true });
  for (let call = 0; call < 6; call += 1) {
    gateway.control.laterMs += 1;
    gateway.upstream().script = () => busy;
    gateway.upstream("other").script = () => tooLate;
    await gateway.call(ask({ model: "spare" }));
  }
  assert.doesNotMatch(gateway.faults.join("\n"), /other\/spare open$/);
  gateway.upstream("other").script = () => tooLate;
  for (let call = 0; call < 5; call += 1) await gateway.call(ask({ model: "other/spare" }));
  assert.match(gateway.faults.join("\n"), /other\/spare open$/, "one that had all the time does");
});
