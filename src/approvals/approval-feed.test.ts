import assert from "node:assert/strict";
import { test } from "node:test";
import { openTestGateway } from "../gateway/gateway.test-support.ts";
import { policies } from "../gateway/paths.test-support.ts";
import { ask, catalog, toolCall } from "../gateway/requests.test-support.ts";
import { completion, whole } from "../gateway/upstream.test-support.ts";
import { ApprovalFeed, type FeedEvent } from "./approval-feed.ts";

/** Nothing happens to these approvals: no client waits for them. */
async function withWaiting(
  use: (parts: { gateway: Awaited<ReturnType<typeof openTestGateway>> }) => Promise<void>,
) {
  await using gateway = await openTestGateway({ policies, catalog });
  gateway.upstream().script = () =>
    whole(
      200,
      completion({ tool_calls: [toolCall("send_email"), toolCall("send_email", '{"n":1}')] }, "tool_calls"),
    );
  await gateway.call(ask());
  await use({ gateway });
}

const nobody = { event: () => undefined, end: () => undefined };

test("what was there before, and what others change, is found when somebody listens", () =>
  withWaiting(async ({ gateway }) => {
    const { desk } = gateway;
    // As another gateway's: nobody tells it of changes here.
    const feed = new ApprovalFeed({
      list: (query) => desk.list(query),
      hold: (id) => desk.hold(id),
      onChange: () => undefined,
    });
    const told: FeedEvent[] = [];
    const subscribed = await feed.subscribe(null, { ...nobody, event: (event) => told.push(event) });
    const [snapshot] = subscribed?.first ?? [];
    assert.ok(snapshot?.type === "snapshot");
    assert.deepEqual([snapshot.pending, snapshot.items.length], [2, 2]);
    const [first] = snapshot.items;
    assert.ok(first);
    await desk.revoke(first.id, { name: "ben@example.com", method: "token", sourceAddress: "::1" }, null);
    assert.equal(told.length, 0);
    await feed.lookAgain(null);
    await feed.lookAgain(null);
    assert.deepEqual(
      told.flatMap((event) => ("item" in event ? [[event.type, event.item.state, event.pending]] : [])),
      [["closed", "revoked", 1]],
    );
  }));

test("of what others change only the holds that they name are read", () =>
  withWaiting(async ({ gateway }) => {
    const { desk } = gateway;
    const asked: string[] = [];
    const feed = new ApprovalFeed({
      list: (query) => {
        asked.push("list");
        return desk.list(query);
      },
      hold: (id) => {
        asked.push(id);
        return desk.hold(id);
      },
      onChange: () => undefined,
    });
    const told: FeedEvent[] = [];
    const subscribed = await feed.subscribe(null, { ...nobody, event: (event) => told.push(event) });
    const [snapshot] = subscribed?.first ?? [];
    assert.ok(snapshot?.type === "snapshot");
    const [first] = snapshot.items;
    assert.ok(first);
    await desk.revoke(first.id, { name: "ben@example.com", method: "token", sourceAddress: "::1" }, null);
    asked.length = 0;
    await feed.lookAgain(["hold_of_another"]);
    assert.equal(told.length, 0);
    await feed.lookAgain([first.hold]);
    assert.deepEqual(
      told.map(({ type, pending }) => [type, pending]),
      [["closed", 1]],
    );
    assert.deepEqual(asked, ["hold_of_another", first.hold]);
    // Whoever listens to nothing reads nothing, and all of it when it listens again.
    subscribed?.close();
    await feed.lookAgain([first.hold]);
    assert.equal(asked.length, 2);
    await feed.subscribe(null, nobody);
    assert.ok(asked.includes("list"));
  }));

test("a hundred may listen, each of them is told when it ends, and then nobody can", () =>
  withWaiting(async ({ gateway }) => {
    const feed = new ApprovalFeed(gateway.desk);
    let ended = 0;
    const listener = () => ({
      ...nobody,
      end: () => {
        ended += 1;
      },
    });
    const subscriptions = await Promise.all(
      Array.from({ length: 150 }, () => feed.subscribe(null, listener())),
    );
    assert.equal(subscriptions.filter((one) => one !== null).length, 100);
    subscriptions[0]?.close();
    assert.ok((await feed.subscribe(null, listener())) !== null, "one has made room");
    feed.close();
    assert.equal(ended, 100);
    assert.equal(await feed.subscribe(null, listener()), null);
  }));
