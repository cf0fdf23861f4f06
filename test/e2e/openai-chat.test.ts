// Chat, structured output, images, usage, embeddings and models: the real SDK, through the gate, at somebody else's upstream.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { type AimockGate, chatBytes, models, startAimockGate } from "./aimock-gate.ts";
import { completionOf } from "./trail.ts";

type Messages = OpenAI.ChatCompletionMessageParam[];

const pixel =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const hello: Messages = [{ role: "user", content: "Say hello" }];
const pirate: Messages = [
  { role: "system", content: "Answer as a pirate." },
  { role: "user", content: "Who are you?" },
];
const picture: Messages = [
  {
    role: "user",
    content: [
      { type: "text", text: "What is in this picture?" },
      { type: "image_url", image_url: { url: pixel, detail: "low" } },
    ],
  },
];
const schema = {
  type: "json_schema",
  json_schema: {
    name: "place",
    strict: true,
    schema: {
      type: "object",
      properties: { city: { type: "string" }, population: { type: "number" } },
      required: ["city", "population"],
      additionalProperties: false,
    },
  },
} as const satisfies OpenAI.ResponseFormatJSONSchema;

let it: AimockGate;
before(async () => {
  it = await startAimockGate();
});
after(() => it.close());

for (const [what, body] of [
  ["a plain chat", { messages: hello }],
  ["a chat with a system prompt", { messages: pirate }],
  ["structured output", { messages: [{ role: "user", content: "Where is Bern?" }], response_format: schema }],
  ["a picture", { messages: picture }],
] as const) {
  test(`${what} has the same bytes with the gate as without it: whole, streamed, and streamed with usage`, async () => {
    for (const mode of [{}, { stream: true }, { stream: true, stream_options: { include_usage: true } }]) {
      const request = { ...body, ...mode, messages: [...body.messages] };
      const [passed, direct] = [
        await chatBytes(it.gate, models.gate, request),
        await chatBytes(it.direct, models.direct, request),
      ];
      assert.equal(direct.status, 200, direct.text);
      assert.deepEqual(passed, direct, JSON.stringify(mode));
    }
  });

  test(`${what} means the same to the SDK, in one piece and assembled from its stream`, async () => {
    const request = { ...body, messages: [...body.messages] };
    const whole = await it.gate.chat.completions.create({ ...request, model: models.gate });
    assert.deepEqual(whole, await it.direct.chat.completions.create({ ...request, model: models.direct }));
    assert.ok((whole.choices[0]?.message.content ?? "").length > 20);
    const assembled = await it.gate.chat.completions
      .stream({ ...request, model: models.gate })
      .finalChatCompletion();
    assert.equal(assembled.choices[0]?.message.content, whole.choices[0]?.message.content);
    assert.equal(assembled.choices[0]?.finish_reason, "stop");
  });
}

test("what the client wrote reaches the upstream whole: roles, the schema and the picture's own bytes", async () => {
  const seen = async (body: object): Promise<unknown> => {
    await chatBytes(it.gate, models.gate, { messages: hello, ...body });
    const { model, messages, response_format } = await it.aimock.lastBody();
    assert.equal(model, models.direct);
    return { messages, response_format };
  };
  assert.deepEqual(await seen({ messages: pirate }), { messages: pirate, response_format: undefined });
  assert.deepEqual(await seen({ messages: picture, response_format: schema }), {
    messages: picture,
    response_format: schema,
  });
});

test("a client gets the usage of its stream only when it asks, and the trail has the provider's numbers always", async () => {
  for (const stream_options of [{ include_usage: true }, { include_usage: false }, undefined]) {
    const { data: stream, response } = await it.gate.chat.completions
      .create({
        model: models.gate,
        messages: hello,
        stream: true,
        ...(stream_options === undefined ? {} : { stream_options }),
      })
      .withResponse();
    const usages: OpenAI.CompletionUsage[] = [];
    for await (const chunk of stream) if (chunk.usage != null) usages.push(chunk.usage);
    assert.deepEqual(
      usages,
      stream_options?.include_usage === true
        ? [{ prompt_tokens: 17, completion_tokens: 23, total_tokens: 40 }]
        : [],
    );
    assert.deepEqual((await it.aimock.lastBody())["stream_options"], { include_usage: true });
    const completed = await completionOf(it.gateway, response.headers.get("x-portcullis-call"));
    assert.deepEqual(completed?.usage, {
      input_tokens: 17,
      cached_input_tokens: 0,
      output_tokens: 23,
      reasoning_tokens: 0,
      source: "provider",
    });
    assert.deepEqual(
      [completed?.outcome, completed?.target, completed?.served_model, completed?.finish_reasons],
      ["ok", "up/gpt-4o-mini", "gpt-4o-mini", ["stop"]],
    );
  }
});

test("embeddings are the upstream's own, one for each input, and are on record", async () => {
  const request = { input: ["a vector", "another"], encoding_format: "float" as const };
  const { data: passed, response } = await it.gate.embeddings
    .create({ ...request, model: "up/text-embedding-3-small" })
    .withResponse();
  const direct = await it.direct.embeddings.create({ ...request, model: "text-embedding-3-small" });
  assert.deepEqual(passed, direct);
  assert.deepEqual(passed.data[0]?.embedding, [0.25, -1e-7, 3]);
  assert.equal(passed.data.length, 2);
  const completed = await completionOf(it.gateway, response.headers.get("x-portcullis-call"));
  assert.deepEqual(
    [completed?.endpoint, completed?.outcome, completed?.target],
    ["embeddings", "ok", "up/text-embedding-3-small"],
  );
});

test("the models listed are the gate's: its aliases and what the provider's config names", async () => {
  const listed = [];
  for await (const model of it.gate.models.list()) listed.push(model.id);
  assert.deepEqual(listed.toSorted(), ["fast", "up/gpt-4o-mini", "up/text-embedding-3-small"]);
  assert.equal((await it.gate.models.retrieve("up/gpt-4o-mini")).owned_by, "up");
  for (const absent of ["up/gpt-4", "gpt-4o-mini", "elsewhere/gpt-4o-mini"]) {
    await assert.rejects(it.gate.models.retrieve(absent), OpenAI.NotFoundError, absent);
    await assert.rejects(
      it.gate.chat.completions.create({ model: absent, messages: hello }),
      OpenAI.NotFoundError,
      absent,
    );
  }
});
