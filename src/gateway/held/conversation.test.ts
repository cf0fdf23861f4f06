import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RequestHeaders } from "../call.ts";
import { requestIdentity } from "./conversation.ts";

const system = { role: "system", content: "Be brief" };
const first = { role: "user", content: "Hello" };
const body = { model: "up/m", messages: [system, first] };

interface Asked {
  readonly body?: object | string;
  readonly name?: string;
  readonly user?: string | null;
  readonly endpoint?: "chat" | "embeddings";
  readonly headers?: RequestHeaders;
}

function identity(asked: Asked = {}): ReturnType<typeof requestIdentity> {
  const { name = "assistant", user = "sub_1", endpoint = "chat", headers = {} } = asked;
  const sent = asked.body ?? body;
  return requestIdentity({
    application: { name, groups: [], payloads: "none" },
    user,
    endpoint,
    headers,
    body: Buffer.from(typeof sent === "string" ? sent : JSON.stringify(sent)),
  });
}

const keys = (asked: readonly Asked[]): readonly string[] => asked.map((one) => identity(one).attachKey);
const conversations = (asked: readonly Asked[]): readonly string[] =>
  asked.map((one) => identity(one).conversation);

describe("a request is known again", () => {
  test("by its canonical body, in whatever order and spacing it is written", () => {
    const other = JSON.stringify({ messages: body.messages, model: "up/m" }, null, 2);
    const [one, again, written] = keys([{}, {}, { body: other }]);
    assert.equal(again, one);
    assert.equal(written, one);
    assert.match(one ?? "", /^[0-9a-f]{64}$/);
  });

  test("by nobody else, on no other route, and not with anything else in it", () => {
    const all = keys([
      {},
      { name: "other" },
      { user: "sub_2" },
      { user: null },
      { endpoint: "embeddings" },
      { headers: { "x-portcullis-conversation": "c" } },
      { body: { ...body, stream: true } },
      { body: { ...body, messages: [system, first, first] } },
      { body: { ...body, __proto__x: 1 } },
      { body: '{"model":"up/m","messages":[],"__proto__":{"a":1}}' },
      { body: '{"model":"up/m","messages":[]}' },
    ]);
    assert.equal(new Set(all).size, all.length);
  });

  test("whatever it says of how long it waits", () => {
    const [one, other] = keys([
      {},
      { headers: { "x-stainless-retry-count": "1", "x-stainless-timeout": "5" } },
    ]);
    assert.equal(one, other);
  });
});

describe("a conversation", () => {
  test("stays the same while it goes on", () => {
    const [one, later] = conversations([
      {},
      { body: { ...body, messages: [system, first, { role: "assistant", content: "Hi" }, first] } },
    ]);
    assert.equal(one, later);
  });

  test("is another with another beginning, application or user", () => {
    const all = conversations([
      {},
      { name: "other" },
      { user: null },
      { body: { messages: [{ ...system, content: "Be long" }, first] } },
      { body: { messages: [system, { ...first, content: "Bye" }] } },
      { body: { messages: [first] } },
      { body: { messages: [system] } },
      { body: { messages: [] } },
    ]);
    assert.equal(new Set(all).size, all.length);
  });

  test("is the one that is named, by the header first, whatever its messages", () => {
    const named = { "x-portcullis-conversation": "c1" };
    const [one, again, metadata, both, other] = conversations([
      { headers: named },
      { headers: { "x-portcullis-conversation": ["c1", "c2"] }, body: { messages: [first] } },
      { body: { ...body, metadata: { conversation_id: "c1" } } },
      { headers: named, body: { ...body, metadata: { conversation_id: "c2" } } },
      { headers: { "x-portcullis-conversation": "c2" } },
    ]);
    assert.deepEqual([again, metadata, both], [one, one, one]);
    assert.notEqual(other, one);
  });

  test("that is named is another's under the same name", () => {
    const headers = { "x-portcullis-conversation": "c1" };
    const all = conversations([{ headers }, { headers, user: "sub_2" }, { headers, name: "other" }]);
    assert.equal(new Set(all).size, 3);
  });

  test("cannot be named so that it is one that begins like that", () => {
    const beginning = JSON.stringify([system, first]);
    const [one, named] = conversations([{}, { headers: { "x-portcullis-conversation": beginning } }]);
    assert.notEqual(one, named);
  });

  test("has no name that is empty, or no text", () => {
    const [plain, ...others] = conversations([
      {},
      { headers: { "x-portcullis-conversation": "" } },
      { body: { ...body, metadata: { conversation_id: 7 } } },
      { body: { ...body, metadata: ["c1"] } },
      { body: { ...body, metadata: null } },
    ]);
    for (const one of others) assert.equal(one, plain);
  });
});
