// Limits: decided on what was used and what calls under way hold, and kept however many calls come at once.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CounterSubject } from "../usage/counter-store.ts";
import type { RecordingChannel } from "./client.test-support.ts";
import { openTestGateway, type TestGateway, type TestGatewayOptions } from "./gateway.test-support.ts";
import { listModels } from "./list-models.ts";
import { monday, openPolicies } from "./policies.test-support.ts";
import { completion, type Script, whole } from "./upstream.test-support.ts";

const chatScope = `principal, action == Portcullis::Action::"chat", resource`;

function limit(condition: string, id = "limit"): string {
  return `@id("${id}") @reason("enough is enough") forbid (${chatScope}) when { ${condition} };\n`;
}

async function withGateway(
  limits: string,
  use: (gateway: TestGateway) => Promise<void>,
  options: TestGatewayOptions = {},
): Promise<void> {
  await using gateway = await openTestGateway({ ...options, policies: openPolicies + limits });
  gateway.upstream().script = answers;
  await use(gateway);
}

/** 7 tokens in, 5 out: 17 millionths of a dollar at the prices of `up/m`. */
const answers: Script = () => whole(200, completion({ role: "assistant", content: "hi" }));

/** 6 tokens by our estimate and at most 100 out: 206 millionths of a dollar. */
function ask(more: object = {}): object {
  return { model: "up/m", messages: [{ role: "user", content: "Hello" }], max_tokens: 100, ...more };
}

const reserved = 206;
const spent = 17;

async function factsOf(gateway: TestGateway, channel: RecordingChannel) {
  return (await gateway.entries(channel)).flatMap((leaf) =>
    leaf.type === "call.decided" ? [leaf.facts] : [],
  );
}

async function stands(gateway: TestGateway, subject: CounterSubject, window: "minute" | "month") {
  const [amount] = await gateway.parts.reservations.read("", monday, [{ ...subject, window }]);
  return amount;
}

const assistant = { kind: "application", name: "assistant" } as const;

function codeOf(channel: RecordingChannel): string {
  return channel.status === 200 ? "ok" : JSON.parse(channel.text).error.code;
}

test("of 200 calls at once exactly as many are made as the limit allows, each on record with where it then stood", () =>
  withGateway(limit("context.rate.minute > 37"), async (gateway) => {
    const channels = await Promise.all(Array.from({ length: 200 }, () => gateway.call(ask())));
    const made = channels.filter((channel) => channel.status === 200);
    assert.deepEqual([made.length, gateway.upstream().sent.length], [37, 37]);
    assert.ok(channels.every((channel) => ["ok", "rate_limited"].includes(codeOf(channel))));
    const decided = (await gateway.all()).filter((leaf) => leaf.type === "call.decided");
    const rates = decided.flatMap((leaf) =>
      leaf.decision === "permit" ? [leaf.facts?.["rate.minute"]] : [],
    );
    assert.deepEqual(
      rates.toSorted((a, b) => Number(a) - Number(b)),
      Array.from({ length: 37 }, (_, at) => at + 1),
    );
    const denied = decided.filter((leaf) => leaf.decision === "deny");
    assert.equal(denied.length, 163);
    assert.ok(denied.every((leaf) => leaf.facts?.["rate.minute"] === 38));
  }));

test("calls under way hold the most that they may cost, and afterwards what they did cost", () =>
  withGateway(limit(`context.spend.month > ${3 * reserved}`), async (gateway) => {
    const held: (() => void)[] = [];
    const threeAreHeld = Promise.withResolvers<void>();
    const upstream = gateway.upstream();
    upstream.script = (request) => {
      // A limit that is not kept shows, in place of a wait without an end.
      if (held.length === 3) return answers(request);
      return new Promise((resolve) => {
        held.push(() => resolve(answers(request)));
        if (held.length === 3) threeAreHeld.resolve();
      });
    };
    const calls = Array.from({ length: 5 }, () => gateway.call(ask()));
    const refused = await Promise.race(calls);
    assert.equal(codeOf(refused), "rate_limited");
    assert.deepEqual(await factsOf(gateway, refused).then(([facts]) => facts?.["spend.month"]), 4 * reserved);
    await threeAreHeld.promise;
    for (const answer of held) answer();
    const channels = await Promise.all(calls);
    assert.equal(channels.filter(({ status }) => status === 200).length, 3);
    upstream.script = answers;
    const next = await gateway.call(ask());
    assert.equal(next.status, 200);
    assert.equal((await factsOf(gateway, next))[0]?.["spend.month"], 3 * spent + reserved);
  }));

test("what waiting does not lift is told before a limit that is reached", () =>
  withGateway(limit("context.rate.minute > 1"), async (gateway) => {
    await gateway.call(ask());
    assert.equal(codeOf(await gateway.call(ask())), "rate_limited");
    const channel = await gateway.call(ask({ store: true }));
    assert.deepEqual([channel.status, codeOf(channel)], [403, "policy_denied"]);
  }));

test("of two limits that are reached the one that lasts longer is told, whichever is asked first", () =>
  withGateway(
    `${limit("context.rate.minute > 1", "minute")}
@id("features") @reason("features may be used")
permit (principal, action == Portcullis::Action::"use_feature", resource);
@id("monthly") @reason("no more of these this month")
forbid (principal, action == Portcullis::Action::"use_feature", resource) when { context.rate.month > 1 };
`,
    async (gateway) => {
      await gateway.call(ask());
      const channel = await gateway.call(ask({ store: true }));
      assert.equal(codeOf(channel), "rate_limited");
      const left = Date.parse("2026-12-01T00:00:00.000Z") - monday;
      assert.equal(channel.headers["retry-after"], String(left / 1000));
    },
  ));

test("a limit that is reached answers 429 with when its window ends, and an SDK is told not to wait for long", () =>
  withGateway(
    limit("context.rate.minute > 1", "minute") + limit("context.spend.month > 300", "month"),
    async (gateway) => {
      await gateway.call(ask());
      const channel = await gateway.call(ask({ max_tokens: 1 }));
      const { error, portcullis } = JSON.parse(channel.text);
      assert.deepEqual(
        [channel.status, error.type, error.code, error.message],
        [429, "rate_limit_error", "rate_limited", "a limit is reached: enough is enough (minute)"],
      );
      assert.deepEqual(portcullis.policies, [{ id: "minute", reason: "enough is enough" }]);
      assert.equal(channel.headers["retry-after"], "60");
      assert.equal(channel.headers["x-should-retry"], undefined);
      const dear = await gateway.call(ask({ max_tokens: 1000 }));
      const monthEnd = Date.parse("2026-12-01T00:00:00.000Z");
      assert.equal(dear.headers["retry-after"], String((monthEnd - monday) / 1000));
      assert.equal(dear.headers["x-should-retry"], "false");
      const [completed] = (await gateway.entries(channel)).filter((leaf) => leaf.type === "call.completed");
      assert.deepEqual(
        [completed?.outcome, completed?.reason, completed?.status],
        ["refused", "rate_limited", 429],
      );
    },
  ));

test("refused calls do not count, and neither do those that never left for a provider", () =>
  withGateway(
    `${limit("context.rate.day > 2")}
     @id("no-shell") forbid (${chatScope}) when { context.tools.contains("shell") };`,
    async (gateway) => {
      const shell = [{ type: "function", function: { name: "shell", parameters: { type: "object" } } }];
      for (let at = 0; at < 5; at += 1) await gateway.call(ask({ tools: shell }));
      const gone = gateway.channel();
      gone.leave();
      await gateway.call(ask(), { channel: gone });
      assert.deepEqual([codeOf(await gateway.call(ask())), codeOf(await gateway.call(ask()))], ["ok", "ok"]);
      assert.equal(codeOf(await gateway.call(ask())), "rate_limited");
    },
  ));

test("a call that cannot be put on record holds nothing afterwards", () =>
  withGateway(limit("context.rate.day > 1"), async (gateway) => {
    gateway.control.failing = (entries) => entries.startsWith("decided permit");
    for (let at = 0; at < 3; at += 1) assert.equal(codeOf(await gateway.call(ask())), "trail_unavailable");
    gateway.control.failing = () => false;
    assert.equal(codeOf(await gateway.call(ask())), "ok");
    assert.equal(codeOf(await gateway.call(ask())), "rate_limited");
  }));

test("counters of the user and of groups are their own, and a call without a user has none of the user's", () =>
  withGateway(
    limit("context.rate has user && context.rate.user.day > 1", "user") +
      limit('context.rate.group["staff"].day > 4', "group"),
    async (gateway) => {
      const codes = [];
      for (const user of ["eve", "eve", "ana", undefined, undefined, undefined]) {
        codes.push(codeOf(await gateway.call(ask(user === undefined ? {} : { user }))));
      }
      assert.deepEqual(codes, ["ok", "rate_limited", "ok", "ok", "ok", "rate_limited"]);
    },
  ));

test("spend without a known price is no spend, and policies see that there is some", () =>
  withGateway(
    limit("context.spend.month > 300") + limit("context.unpriced.month > 2", "unpriced"),
    async (gateway) => {
      const unpriced = ask({ model: "up/who-knows" });
      const first = await gateway.call(unpriced);
      const [facts] = await factsOf(gateway, first);
      assert.deepEqual([codeOf(first), facts?.["spend.month"], facts?.["unpriced.month"]], ["ok", 0, 1]);
      assert.equal(codeOf(await gateway.call(unpriced)), "ok");
      const third = await gateway.call(unpriced);
      assert.match(JSON.parse(third.text).error.message, /\(unpriced\)$/);
    },
  ));

test("an absurd output limit is reserved as a large one, and never as no spend at all", () =>
  withGateway(limit("context.spend.month > 1000000"), async (gateway) => {
    for (const max_tokens of [Number.MAX_SAFE_INTEGER, 1e12, 600_000]) {
      assert.equal(codeOf(await gateway.call(ask({ max_tokens }))), "rate_limited", String(max_tokens));
    }
    assert.equal(codeOf(await gateway.call(ask({ max_tokens: 100_000, n: 5 }))), "rate_limited");
    assert.equal(codeOf(await gateway.call(ask({ max_tokens: 100_000, n: 4 }))), "ok");
  }));

test("without an output limit a call holds what the config says", () =>
  withGateway(
    limit("context.tokens.hour > 1006"),
    async (gateway) => {
      assert.equal(codeOf(await gateway.call(ask({ max_tokens: undefined }))), "ok");
      assert.equal(codeOf(await gateway.call(ask({ max_tokens: 989 }))), "rate_limited");
      assert.equal(codeOf(await gateway.call(ask({ max_tokens: 988 }))), "ok");
    },
    { limits: { assumed_output: 1000 } },
  ));

test("a fallback takes the place of what the first target reserved, and is decided without it", () =>
  withGateway(
    limit("context.rate.day > 1", "rate") + limit(`context.spend.day > ${reserved}`, "spend"),
    async (gateway) => {
      gateway.upstream().script = () => whole(500, { error: { message: "busy" } });
      gateway.upstream("other").script = answers;
      const channel = await gateway.call(ask({ model: "two" }));
      assert.equal(channel.status, 200);
      assert.deepEqual(
        (await factsOf(gateway, channel)).map((facts) => [facts?.["rate.day"], facts?.["spend.day"]]),
        [
          [1, reserved],
          [1, 0],
        ],
      );
    },
    { aliases: { two: ["up/m", "other/m"] } },
  ));

test("a limit may choose the model: what is over it for one target may be permitted for the next", () =>
  withGateway(
    `@id("dear") forbid (principal, action == Portcullis::Action::"chat", resource == Portcullis::Model::"up/m")
     when { context.spend.day > 250 };`,
    async (gateway) => {
      gateway.upstream("other").script = answers;
      gateway.upstream().script = () => whole(503, { error: { message: "busy" } });
      const first = await gateway.call(ask({ model: "two" }));
      assert.deepEqual([first.status, gateway.upstream("other").sent.length], [200, 1]);
      gateway.upstream().script = answers;
      assert.equal(codeOf(await gateway.call(ask())), "ok");
      assert.equal(codeOf(await gateway.call(ask({ max_tokens: 300 }))), "rate_limited");
      assert.equal(codeOf(await gateway.call(ask({ model: "other/m", max_tokens: 300 }))), "ok");
    },
    { aliases: { two: ["up/m", "other/m"] } },
  ));

test("where no policy reads what was used, nothing is reserved and nothing is on record of it", () =>
  withGateway("", async (gateway) => {
    const channel = await gateway.call(ask());
    assert.equal(channel.status, 200);
    const facts = (await factsOf(gateway, channel))[0] ?? {};
    assert.deepEqual(
      Object.keys(facts).filter((name) => name.includes(".")),
      [],
    );
    const nothing = { requests: 0, tokens: 0, microUsd: 0, unpriced: 0 };
    assert.deepEqual(await stands(gateway, assistant, "month"), nothing);
  }));

test("a model stays listed when a limit on it is reached", () =>
  withGateway(limit("context.rate.day > 0"), async (gateway) => {
    assert.equal(codeOf(await gateway.call(ask({ model: "demo/assistant" }))), "rate_limited");
    const listed = listModels(
      gateway.parts,
      { authorization: `Bearer ${gateway.key}` },
      "10.1.2.3",
      "demo/assistant",
    );
    assert.equal(listed.ok, true);
  }));
