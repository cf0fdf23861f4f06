import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { callFacts } from "./call-facts.ts";
import { content, described, fn, hello, parseChat, why } from "./request.test-support.ts";

test("a plain request is described", () => {
  const request = described({
    stream: true,
    stream_options: { include_usage: true },
    user: "ann",
    max_tokens: 10,
    max_completion_tokens: 20,
    n: 2,
    tools: [fn("b"), fn("a")],
    temperature: 0.5,
    some_new_knob: 3,
  });
  assert.deepEqual(callFacts(request, { sourceAddress: "10.0.0.1", time: 5, labels: ["pii.email"] }), {
    requested_model: "fast",
    message_count: 1,
    input_tokens: request.inputTokens,
    output_limit: 20,
    stream: true,
    tools: ["a", "b"],
    has_images: false,
    has_audio: false,
    has_files: false,
    labels: ["pii.email"],
    user: "ann",
    source_address: "10.0.0.1",
    time: 5,
  });
  assert.equal(request.includeUsage, true);
  assert.equal(request.n, 2);
  assert.deepEqual(request.features, []);
  assert.deepEqual([...request.offeredTools.keys()], ["b", "a"]);
});

test("facts that a request does not state are absent, not guessed", () => {
  const request = described({ user: null, max_tokens: null, stream: null, n: null, tools: null });
  const facts = callFacts(request, { sourceAddress: "::1", time: 0, labels: [] });
  assert.equal(Object.hasOwn(facts, "user"), false);
  assert.equal(Object.hasOwn(facts, "output_limit"), false);
  assert.equal(facts.stream, false);
  assert.equal(request.n, 1);
});

test("the largest of all output limits counts, whatever its name", () => {
  for (const [fields, limit] of [
    [{ max_tokens: 30, max_completion_tokens: 20 }, 30],
    [{ max_tokens: 5, n_predict: 100_000 }, 100_000],
    [{ max_tokens: 5, max_output_tokens: 6, max_new_tokens: 7, num_predict: 8 }, 8],
    [{ max_tokens: null, num_predict: 8 }, 8],
    // No limit, and a limit that a provider may overlook because of it.
    [{ max_tokens: -1 }, null],
    [{ max_tokens: 5, n_predict: -1 }, null],
    [{ max_tokens: 0 }, null],
  ] as const) {
    assert.equal(described(fields).outputLimit, limit, JSON.stringify(fields));
  }
});

test("as many answers can be asked for as OpenAI gives", () => {
  assert.equal(described({ n: 128 }).n, 128);
  for (const n of [0, 129, 1e9, 1.5, -1, "2"]) assert.equal(why({ n }), "invalid n");
});

test("a field of the wrong kind is refused by its name", () => {
  for (const [fields, expected] of [
    [{ model: 5 }, "invalid model"],
    [{ model: "" }, "invalid model"],
    [{ model: "a b" }, "undescribable"],
    [{ model: "m\u00fcller" }, "undescribable"],
    [{ model: "m".repeat(257) }, "undescribable"],
    [{ user: 5 }, "invalid user"],
    [{ user: "u".repeat(513) }, "undescribable"],
    [{ stream: "true" }, "invalid stream"],
    [{ stream_options: [] }, "invalid stream_options"],
    [{ stream_options: { include_usage: 1 } }, "invalid stream_options.include_usage"],
    [{ max_tokens: -2 }, "invalid max_tokens"],
    [{ max_tokens: 5, n_predict: "9" }, "invalid n_predict"],
    [{ max_tokens: 1.5 }, "invalid max_tokens"],
    [{ max_completion_tokens: 2 ** 53 }, "invalid max_completion_tokens"],
    [{ n: "2" }, "invalid n"],
    [{ messages: [] }, "invalid messages"],
    [{ messages: {} }, "invalid messages"],
    [{ messages: ["hi"] }, "invalid messages.0"],
    [{ messages: [...hello, { role: "robot", content: "" }] }, "invalid messages.1.role"],
    [{ messages: [{ role: "user", content: 5 }] }, "invalid messages.0.content"],
    [{ tools: {} }, "invalid tools"],
    [{ tools: ["a"] }, "invalid tools.0"],
    [{ tools: [{}] }, "invalid tools.0.type"],
    [{ tools: [{ type: "function" }] }, "invalid tools.0.function.name"],
    [{ functions: [{ name: "" }] }, "invalid functions.0.name"],
  ] as const) {
    assert.equal(why(fields), expected, JSON.stringify(fields).slice(0, 80));
  }
  const list = parseChat([]);
  assert.ok(!list.ok);
});

test("kinds of content are facts", () => {
  const image = described(
    content({ type: "text", text: "see" }, { type: "image_url", image_url: { url: "data:" } }),
  );
  assert.deepEqual([image.hasImages, image.hasAudio, image.hasFiles], [true, false, false]);
  const audio = described(content({ type: "input_audio", input_audio: { data: "", format: "wav" } }));
  assert.deepEqual([audio.hasImages, audio.hasAudio, audio.hasFiles], [false, true, false]);
  const file = described(
    content({ type: "file", file: { file_id: "f" }, cache_control: { type: "ephemeral" } }),
  );
  assert.deepEqual([file.hasImages, file.hasAudio, file.hasFiles], [false, false, true]);
  assert.equal(described({ modalities: ["text", "audio"] }).hasAudio, true);
  assert.equal(
    described({ messages: [{ role: "assistant", content: null, audio: { id: "a" } }] }).hasAudio,
    true,
  );
  const tool = { role: "tool", tool_call_id: "c", content: [{ type: "image_url", image_url: "https://x" }] };
  assert.equal(described({ messages: [tool] }).hasImages, true);
});

test("content of a kind that cannot be described is refused", () => {
  for (const part of [
    { type: "video_url", video_url: { url: "x" } },
    { text: "no type" },
    { type: "text", text: 5 },
    { type: "text", text: "a", image_url: "https://x" },
    { type: "text", text: "a", image_url: { url: "https://x" } },
    { type: "image_url", image_url: {}, file: {} },
    { type: "text", text: "a", something: [] },
    { type: "__proto__" },
    "plain",
    null,
  ]) {
    assert.equal(why(content(part)), "undescribable", JSON.stringify(part));
  }
});

test("what is described stays small", () => {
  const many = (count: number, make: (at: number) => unknown) =>
    Array.from({ length: count }, (_, at) => make(at));
  assert.equal(described({ tools: many(512, (at) => fn(`tool_${at}`)) }).offeredTools.size, 512);
  assert.equal(why({ tools: many(513, (at) => fn(`tool_${at}`)) }), "undescribable");
  assert.equal(
    why({ tools: many(300, (at) => fn(`a${at}`)), functions: many(300, (at) => ({ name: `b${at}` })) }),
    "undescribable",
  );
  assert.equal(why({ tools: [fn("t".repeat(257))] }), "undescribable");
  assert.equal(why({ tools: many(100, (at) => fn(`${at}`.padEnd(200, "x"))) }), "undescribable");
  assert.equal(why({ tools: many(100, (at) => fn(`${at}${"\u0001".repeat(40)}`)) }), "undescribable");
  assert.equal(why({ tools: [fn("same"), fn("same")] }), "undescribable");
  assert.equal(why({ tools: [fn("same")], functions: [{ name: "same" }] }), "undescribable");
  assert.equal(why({ tools: many(65, (at) => ({ type: `hosted_${at}` })) }), "undescribable");
  assert.equal(why({ tools: [{ type: "h".repeat(200) }] }), "undescribable");
  assert.equal(described({ messages: many(50_000, () => hello[0]) }).messageCount, 50_000);
});

test("the token estimate grows with text, messages, images and tool definitions", () => {
  const plain = described({}).inputTokens;
  assert.equal(plain, Math.ceil(5 / 4) + 4);
  assert.equal(described({ messages: [{ role: "user", content: "é".repeat(8) }] }).inputTokens, 4 + 4);
  assert.ok(described({ tools: [fn("a")] }).inputTokens > plain);
  assert.ok(described(content({ type: "image_url", image_url: {} })).inputTokens >= 85);
});

test("no JSON makes it throw", () => {
  const keys = fc.constantFrom(
    "model",
    "messages",
    "tools",
    "functions",
    "role",
    "content",
    "type",
    "function",
    "name",
    "user",
    "stream_options",
    "prediction",
    "tool_calls",
  );
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom(null, true, 1, -1, "m", "user", "text", "function", ""),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(keys, tie("value"), { maxKeys: 5 }),
    ),
  })).value;
  fc.assert(
    fc.property(fc.dictionary(keys, value), (body) => {
      const parsed = parseChat({ model: "m", messages: hello, ...body });
      assert.ok(parsed.ok || ["invalid_request", "undescribable"].includes(parsed.failure.reason));
    }),
    { numRuns: 1000 },
  );
});
