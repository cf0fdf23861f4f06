import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ListedApproval } from "../approvals/approval.ts";
import { config } from "../approvals/desk.test-support.ts";
import type { RecordingChannel } from "./client.test-support.ts";
import type { TestGateway } from "./gateway.test-support.ts";
import { open, patient, pending, vote } from "./holds.test-support.ts";
import { ask, toolCall } from "./requests.test-support.ts";
import { completion, whole } from "./upstream.test-support.ts";

const impatient = { ...patient, waitMs: 0 };
const hello = { role: "user", content: "Hello" };
const mailOf = (choice: number): object => toolCall("send_email", `{"n":${choice}}`);
const choicesOf = (...calls: readonly object[]): readonly object[] =>
  calls.map((call, index) => ({
    index,
    message: { content: `choice ${index}`, tool_calls: [call] },
    finish_reason: "tool_calls",
  }));

interface Told {
  /** What the client has of each choice, with its marker. */
  readonly said: readonly string[];
  /** In the order of their choices. */
  readonly approvals: readonly ListedApproval[];
}

/** An answer of several choices waits, and its client was told so. */
async function told(gateway: TestGateway, choices: readonly object[], held: number): Promise<Told> {
  gateway.upstream().script = () => whole(200, { ...completion({}), choices });
  const { text } = await gateway.call(ask({ n: choices.length }));
  const said = JSON.parse(text).choices.map((one: { message: { content: string } }) => one.message.content);
  const approvals = await pending(gateway, held);
  gateway.upstream().script = () => whole(200, completion({ content: "Hi" }));
  return { said, approvals: approvals.toSorted((one, other) => one.choice - other.choice) };
}

/** A further message to what the client has of a choice. */
function goOn(gateway: TestGateway, said: string | undefined): Promise<RecordingChannel> {
  return gateway.call(ask({ messages: [hello, { role: "assistant", content: said }, hello] }));
}

const gotten = (channel: RecordingChannel): readonly unknown[] =>
  JSON.parse(channel.text).choices.flatMap(
    (one: { message: { tool_calls?: unknown[] } }) => one.message.tool_calls ?? [],
  );

async function releases(gateway: TestGateway): Promise<readonly (readonly [string, number])[]> {
  return (await gateway.all()).flatMap((leaf) =>
    leaf.type === "approval.released" ? [[leaf.approval, leaf.delivery] as const] : [],
  );
}

async function statesOf(gateway: TestGateway, { approvals }: Told): Promise<readonly string[]> {
  const [first] = approvals;
  const hold = first === undefined ? null : await gateway.desk.hold(first.hold);
  return approvals.map(({ id }) => hold?.approvals.find((one) => one.id === id)?.state ?? "gone");
}

describe("of an answer with several choices, a later message", () => {
  const both = choicesOf(mailOf(0), mailOf(1));

  test("gets and uses what stands in its own, and leaves the others to whoever goes on with them", async () => {
    await using gateway = await open({ waiting: impatient });
    const answer = await told(gateway, both, 2);
    const [zero, one] = answer.approvals;
    assert.ok(zero && one);
    for (const approval of answer.approvals) await vote(gateway, approval);
    assert.deepEqual(gotten(await goOn(gateway, answer.said[1])), [mailOf(1)]);
    assert.deepEqual(await releases(gateway), [[one.id, 1]]);
    assert.deepEqual(await statesOf(gateway, answer), ["approved", "released"]);
    // Once: its marker says nothing any more.
    assert.match((await goOn(gateway, answer.said[1])).text, /"Hi"/);
    assert.deepEqual(gotten(await goOn(gateway, answer.said[0])), [mailOf(0)]);
    assert.deepEqual(await releases(gateway), [
      [one.id, 1],
      [zero.id, 1],
    ]);
    // All of it is with clients: the same request once more is a call of its own.
    assert.match((await gateway.call(ask({ n: 2 }))).text, /"Hi"/);
  });

  test("leaves all of it to a retry, to which what it has itself is handed on once more", async () => {
    await using gateway = await open({ waiting: impatient });
    const answer = await told(gateway, both, 2);
    const [zero, one] = answer.approvals;
    assert.ok(zero && one);
    for (const approval of answer.approvals) await vote(gateway, approval);
    await goOn(gateway, answer.said[1]);
    assert.deepEqual(gotten(await gateway.call(ask({ n: 2 }))), [mailOf(0), mailOf(1)]);
    assert.deepEqual(await releases(gateway), [
      [one.id, 1],
      [zero.id, 1],
      [one.id, 2],
    ]);
  });

  test("gets nothing before all of the answer is decided", async () => {
    await using gateway = await open({ waiting: impatient });
    const answer = await told(gateway, both, 2);
    const [zero, one] = answer.approvals;
    assert.ok(zero && one);
    await vote(gateway, one);
    assert.match((await goOn(gateway, answer.said[1])).text, /waits for a sign-off/);
    await vote(gateway, zero, "reject", "no");
    assert.deepEqual(gotten(await goOn(gateway, answer.said[1])), [mailOf(1)]);
    assert.match((await goOn(gateway, answer.said[0])).text, /was rejected by ben@example\.com: no/);
    assert.deepEqual(await releases(gateway), [[one.id, 1]]);
  });

  test("keeps nothing from lapsing that nobody came for", async () => {
    await using gateway = await open({ waiting: impatient, config: config({ use_within: "1s" }) });
    const answer = await told(gateway, both, 2);
    for (const approval of answer.approvals) await vote(gateway, approval);
    assert.deepEqual(gotten(await goOn(gateway, answer.said[1])), [mailOf(1)]);
    const lapsed = new Promise<void>((resolve) => {
      gateway.desk.onChange(({ approvals }) => {
        if (approvals.some(({ state }) => state === "lapsed")) resolve();
      });
    });
    await lapsed;
    assert.deepEqual(await statesOf(gateway, answer), ["lapsed", "released"]);
    assert.match((await goOn(gateway, answer.said[0])).text, /"Hi"/);
  });

  test("gets a choice of which nothing had to be signed off, and what waits in the other stays", async () => {
    await using gateway = await open({ waiting: impatient });
    const weather = toolCall("get_weather", '{"to":"x"}');
    const answer = await told(gateway, choicesOf(mailOf(0), weather), 1);
    const [zero] = answer.approvals;
    assert.ok(zero);
    await vote(gateway, zero);
    const channel = await goOn(gateway, answer.said[1]);
    assert.deepEqual(gotten(channel), [weather]);
    assert.deepEqual(await releases(gateway), []);
    const completed = (await gateway.entries(channel)).at(-1);
    assert.equal(completed?.type === "call.completed" && completed.outcome, "ok");
    assert.deepEqual(gotten(await goOn(gateway, answer.said[0])), [mailOf(0)]);
  });
});
