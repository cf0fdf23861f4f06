// An upstream that refuses, fails, garbles or hangs up: its errors come through as they are, its broken answers do not.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import OpenAI from "openai";
import { type AimockGate, chatBytes, models, startAimockGate } from "./aimock-gate.ts";
import { completionOf } from "./trail.ts";

let it: AimockGate;
before(async () => {
  it = await startAimockGate();
});
after(() => it.close());
// A model that mostly fails would not be asked any more.
beforeEach(async () => {
  for (let round = 0; round < 20; round += 1) await chatBytes(it.gate, models.gate, asks("Say hello"));
});

function asks(content: string, stream = false) {
  return { messages: [{ role: "user" as const, content }], ...(stream ? { stream } : {}) };
}

for (const [content, status, kind, retryAfter] of [
  ["Refuse me", 400, OpenAI.BadRequestError, null],
  ["Slow me down", 429, OpenAI.RateLimitError, "7"],
  ["Fail me", 500, OpenAI.InternalServerError, null],
  ["Drop me", 500, OpenAI.InternalServerError, null],
  ["Limit me", 429, OpenAI.RateLimitError, "1"],
  ["Something that no fixture knows", 404, OpenAI.NotFoundError, null],
] as const) {
  test(`\`${content}\`: the upstream's ${status} comes through byte for byte, and is on record as its own`, async () => {
    for (const stream of [false, true]) {
      const passed = await chatBytes(it.gate, models.gate, asks(content, stream));
      assert.deepEqual(passed, await chatBytes(it.direct, models.direct, asks(content, stream)));
      assert.deepEqual([passed.status, passed.retryAfter], [status, retryAfter]);
      const fault = await it.gate.chat.completions
        .create({ ...asks(content), stream, model: models.gate })
        .catch((thrown: unknown) => thrown);
      assert.ok(fault instanceof kind, String(fault));
      const completed = await completionOf(it.gateway, fault.headers?.get("x-portcullis-call") ?? null);
      assert.deepEqual(
        [completed?.outcome, completed?.status, completed?.target],
        ["upstream_error", status, "up/gpt-4o-mini"],
      );
    }
  });
}

for (const [content, code] of [
  ["Hang up on me", "upstream_unreachable"],
  ["Garble it", "upstream_invalid"],
] as const) {
  test(`\`${content}\`: an answer that cannot be read is a 502 of the gate's own, whole or streamed`, async () => {
    for (const stream of [false, true]) {
      const passed = await chatBytes(it.gate, models.gate, asks(content, stream));
      assert.equal(passed.status, 502);
      const { error } = JSON.parse(passed.text);
      assert.equal(error.code, code);
      assert.doesNotMatch(passed.text, /never said|<<<chaos>>>/);
    }
  });
}

for (const [content, text] of [
  ["Break off", "This answer never gets to its end, I fear."],
  ["Cut an emoji in half", "1234567"],
] as const) {
  test(`\`${content}\`: what flowed stays, the end is an error without [DONE], and the SDK throws`, async () => {
    const passed = await chatBytes(it.gate, models.gate, asks(content, true));
    assert.equal(passed.status, 200);
    assert.doesNotMatch(passed.text, /\[DONE\]|"finish_reason":"/);
    const { data: stream, response } = await it.gate.chat.completions
      .create({ ...asks(content), stream: true, model: models.gate })
      .withResponse();
    let flowed = "";
    const fault = await (async () => {
      for await (const chunk of stream) flowed += chunk.choices[0]?.delta.content ?? "";
    })().catch((thrown: unknown) => thrown);
    assert.ok(fault instanceof OpenAI.APIError && fault.code === "upstream_invalid", String(fault));
    assert.ok(flowed.length >= 7 && text.startsWith(flowed), flowed);
    const completed = await completionOf(it.gateway, response.headers.get("x-portcullis-call"));
    assert.deepEqual(
      [completed?.outcome, completed?.finish_reasons, completed?.usage.source],
      ["upstream_invalid", [], "estimate"],
    );
  });
}

test("an upstream's error for embeddings comes through the same way", async () => {
  const refused = async (client: OpenAI, model: string): Promise<unknown> => {
    const fault = await client.embeddings
      .create({ model, input: "no vector" })
      .catch((thrown: unknown) => thrown);
    assert.ok(fault instanceof OpenAI.RateLimitError, String(fault));
    return { error: fault.error, retryAfter: fault.headers?.get("retry-after") };
  };
  const passed = await refused(it.gate, "up/text-embedding-3-small");
  assert.deepEqual(passed, await refused(it.direct, "text-embedding-3-small"));
  assert.deepEqual(Object(passed).retryAfter, "3");
});

test("an upstream that is gone is a 502 that says to try again", async () => {
  await it.aimock.close();
  const fault = await it.gate.chat.completions
    .create({ ...asks("Say hello"), model: models.gate })
    .catch((thrown: unknown) => thrown);
  assert.ok(fault instanceof OpenAI.InternalServerError && fault.status === 502, String(fault));
  assert.equal(fault.code, "upstream_unreachable");
});
