import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LogUnavailableError } from "../audit/log-store.ts";
import type { RecordingChannel } from "./client.test-support.ts";
import { openTestGateway, type TestGateway } from "./gateway.test-support.ts";
import type { GatewayParts } from "./parts.ts";
import { type Path, paths, policies, take } from "./paths.test-support.ts";
import { handleCall } from "./pipeline.ts";
import { ask, askStream, catalog, toolCall } from "./requests.test-support.ts";
import { completion, delta, done, streamOf, whole } from "./upstream.test-support.ts";

let gateway: TestGateway;

before(async () => {
  gateway = await openTestGateway({ policies, catalog, aliases: { fast: ["up/m", "other/m", "up/m2"] } });
});
after(() => gateway[Symbol.asyncDispose]());

/** The `nth` append (from 0) of what follows fails, and with `forGood` all after it. Returns how many were tried. */
function breakTrail(nth: number, forGood: boolean): () => number {
  let appends = 0;
  gateway.control.failing = () => {
    appends += 1;
    return forGood ? appends > nth : appends === nth + 1;
  };
  return () => appends;
}

/** The disk has room again. */
async function mendTrail(): Promise<void> {
  gateway.control.failing = () => false;
  await gateway.parts.late.flush();
}

function durable(): readonly string[] {
  return gateway.journal.filter((what) => what.startsWith("durable "));
}

/** Where the provider was asked already, a refusal must not say that the call was not made. */
function assertNothingFaked(channel: RecordingChannel): void {
  assert.ok(channel.ending === "refuse" || channel.ending === null, `it must not ${channel.ending}`);
  assert.doesNotMatch(channel.text, /\[DONE\]|"finish_reason":"\w|tool_calls/);
  if (channel.ending === null) return;
  const asked = gateway.journal.some((what) => what.startsWith("send "));
  const reason = asked ? "answer_unrecorded" : "trail_unavailable";
  assert.equal(channel.refusal?.reason, reason);
  assert.match(channel.text, new RegExp(`"code":"${reason}"`));
}

async function appendsOf(path: Path): Promise<number> {
  await take(gateway, path);
  return durable().length;
}

for (const path of paths) {
  test(`${path.name}: whichever append fails, nothing is sent or handed on that is not on record`, async () => {
    const appends = await appendsOf(path);
    let size = (await gateway.all()).length;
    for (let nth = 0; nth < appends; nth += 1) {
      breakTrail(nth, true);
      const channel = await take(gateway, path);
      assert.equal(durable().length, nth);
      assertNothingFaked(channel);
      if (nth === 0) {
        assert.deepEqual(
          gateway.journal.filter((what) => what.startsWith("send ")),
          [],
        );
        assert.equal(channel.status, 503);
      }
      await mendTrail();
      const added = await gateway.all(size);
      size += added.length;
      // What was decided is completed in the end; what was not decided does not turn up later.
      const completions = added.filter((leaf) => leaf.type === "call.completed");
      assert.equal(completions.length, nth === 0 ? 0 : 1);
      // It is recorded as what the client was told, never as the success that it could have been.
      for (const { outcome, response } of completions) {
        assert.notEqual(outcome, "ok");
        assert.equal(response, null);
      }
      assert.ok(
        added.every((leaf) => leaf.type !== "action.decided" || leaf.decision === "hold"),
        "what was decided of it was not released",
      );
      if (nth === 0) assert.deepEqual(added, []);
    }
  });
}

test("a stream of which text went out ends in-band, without what was held and without [DONE]", async () => {
  const text = delta({ content: "Hel" });
  const call = { tool_calls: [{ index: 0, ...toolCall("notify") }] };
  gateway.upstream().script = streamOf([text, delta(call), delta({}, "tool_calls"), done]).script;
  breakTrail(1, false);
  const channel = await gateway.call(askStream());
  assert.ok(channel.text.startsWith(text));
  const [error] = channel.text.slice(text.length).split("\n\n");
  assert.equal(JSON.parse(error?.slice("data: ".length) ?? "").error.code, "answer_unrecorded");
  assert.equal(channel.text, `${text}${error}\n\n`);
  await mendTrail();
});

test("an answer in one piece is not handed on when its completion cannot be recorded: 503, and when to come back", async () => {
  gateway.upstream().script = () => whole(200, { choices: [{ index: 0, message: { content: "zq7" } }] });
  breakTrail(1, false);
  const channel = await gateway.call(askStream());
  assert.deepEqual([channel.status, channel.headers["retry-after"]], [503, "1"]);
  assert.doesNotMatch(channel.everything, /zq7/);
  await mendTrail();
});

test("on a path of three targets, whichever append fails, no target is tried whose decision is not on record", async () => {
  const call = { tool_calls: [{ index: 0, ...toolCall("notify") }] };
  const attempt = async (): Promise<RecordingChannel> => {
    gateway.journal.length = 0;
    const stream = streamOf([delta({ content: "a" }), delta(call), delta({}, "tool_calls"), done]);
    gateway.upstream().script = (request) =>
      Buffer.from(request.body).includes('"m2"') ? stream.script(request) : whole(503, { error: "busy" });
    gateway.upstream("other").script = () => whole(429, { error: { message: "busy" } });
    return gateway.call(askStream({ model: "fast" }));
  };
  assert.equal((await attempt()).ending, "end");
  assert.deepEqual(gateway.journal.slice(0, 6), [
    "durable decided permit up/m",
    "send up/m",
    "durable decided permit other/m",
    "send other/m",
    "durable decided permit up/m2",
    "send up/m2",
  ]);
  for (const forGood of [true, false]) {
    for (let nth = 0; nth < 4; nth += 1) {
      breakTrail(nth, forGood);
      const channel = await attempt();
      const sent = gateway.journal.filter((what) => what.startsWith("send "));
      assert.equal(sent.length, Math.min(nth, 3), gateway.journal.join("\n"));
      for (const one of sent) {
        const permit = `durable decided permit ${one.slice("send ".length)}`;
        assert.ok(gateway.journal.indexOf(permit) < gateway.journal.indexOf(one));
      }
      assert.doesNotMatch(channel.text, /\[DONE\]|tool_calls/);
      assert.equal(
        channel.ending === "respond",
        !forGood && (nth === 1 || nth === 2),
        "the last failure is handed on once it is on record",
      );
      await mendTrail();
    }
  }
});

test("a fallback that policy forbids and that cannot be recorded ends the trying, and is no fault of ours", async () => {
  const policies = `@id("calls") permit (principal, action, resource);
@id("no") forbid (principal, action, resource in Portcullis::Provider::"other");`;
  await using other = await openTestGateway({ policies, aliases: { fast: ["up/m", "other/m", "up/m2"] } });
  other.upstream().script = () => whole(503, { error: { message: "busy" } });
  other.control.failing = (entries) => entries === "decided deny other/m";
  const channel = await other.call(ask({ model: "fast" }));
  assert.deepEqual([channel.ending, channel.status], ["respond", 503]);
  assert.equal(other.upstream().sent.length, 1);
});

/** The call with other parts than the gateway's own. */
async function callWith(parts: GatewayParts, body: object): Promise<RecordingChannel> {
  const channel = gateway.channel();
  gateway.journal.length = 0;
  await handleCall(
    parts,
    {
      endpoint: "chat",
      headers: { authorization: `Bearer ${gateway.key}` },
      body: Buffer.from(JSON.stringify(body)),
      sourceAddress: "10.1.2.3",
      arrivedAt: performance.now(),
    },
    channel,
  );
  return channel;
}

test("a call whose user cannot be given a pseudonym, because nothing can be written, gets 503 and is not made", async () => {
  const { subjects: real } = gateway.parts;
  const subjects = {
    applicationId: (name: string) => real.applicationId(name),
    userId: () => Promise.reject(new LogUnavailableError("no space left on the device")),
  };
  const channel = await callWith({ ...gateway.parts, subjects }, ask({ user: "somebody new" }));
  assert.deepEqual([channel.status, channel.refusal?.reason], [503, "trail_unavailable"]);
  assert.deepEqual(gateway.journal, ["refuse trail_unavailable"]);
});

test("no payload is kept of what is not on record, and each that is kept belongs to an entry", async () => {
  const kept: string[] = [];
  const parts: GatewayParts = {
    ...gateway.parts,
    applications: new Map([["assistant", { name: "assistant", groups: [], payloads: "response" }]]),
    payloads: { keep: (entry) => void kept.push(entry) },
  };
  const call = { tool_calls: [toolCall("notify")] };
  gateway.upstream().script = () => whole(200, completion(call, "tool_calls"));
  for (const body of [ask(), ask({ model: "nobody/m" }), ask({ model: "up/secret" })]) {
    breakTrail(0, true);
    assert.equal((await callWith(parts, body)).refusal?.reason, "trail_unavailable");
    assert.deepEqual(kept, []);
    await mendTrail();
  }
  const size = (await gateway.all()).length;
  assert.equal((await callWith(parts, ask())).status, 200);
  const entries = await gateway.all(size);
  assert.deepEqual(
    kept,
    entries.map(({ id }) => id),
    "of the decision, the action and the answer",
  );
  breakTrail(1, true);
  await callWith(parts, ask());
  assert.equal(kept.length, entries.length + 1, "of an answer that could not be recorded nothing is kept");
  await mendTrail();
});
