import assert from "node:assert/strict";
import { test } from "node:test";
import { answerFault, choiceFault, messageFault } from "./answer-members.ts";
import { endsWhole, readChatAnswer } from "./chat-answer.ts";

const proposal = [{ id: "c", type: "function", function: { name: "delete_everything", arguments: "{}" } }];

function faultOf(value: unknown): string | null {
  const read = readChatAnswer(value);
  return read.ok ? null : read.failure;
}

const withMessage = (message: object): object => ({ choices: [{ index: 0, message }] });
const withDelta = (delta: object): object => ({ choices: [{ index: 0, delta }] });

test("a tool call in a place where some client looks and nobody inspects is not passed on", () => {
  const hidden: readonly object[] = [
    { output: [{ type: "function_call", name: "delete_everything" }] },
    { message: { role: "assistant", tool_calls: proposal } },
    { content: [{ type: "tool_use", name: "delete_everything", input: {} }] },
    { content_block: { type: "tool_use", name: "delete_everything" } },
    { choices: [{ index: 0, message: { content: "a" }, tool_calls: proposal }] },
    { choices: [{ index: 0, delta: {}, messages: [{ tool_calls: proposal }] }] },
    withMessage({ content: [{ type: "tool_use", name: "delete_everything", input: {} }] }),
    withDelta({ content: [{ type: "text", text: "a", tool_calls: proposal }] }),
    withDelta({ content: { type: "tool_use", name: "delete_everything" } }),
    withMessage({ content: "a", tool_call: proposal[0] }),
    withMessage({ content: "a", role: { tool_calls: proposal } }),
  ];
  for (const answer of hidden)
    assert.match(faultOf(answer) ?? "", /not known to be harmless/, JSON.stringify(answer));
});

test("a member that folds to one that is read is not passed on: some readers take it for that one", () => {
  for (const key of ["Tool_Calls", "TOOL_CALLS", "tool_callſ", "ｔool_calls"]) {
    assert.notEqual(faultOf(withMessage({ content: "a", [key]: proposal })), null, key);
    assert.notEqual(faultOf(withDelta({ content: "a", [key]: null })), null, key);
  }
  assert.notEqual(faultOf({ choices: [], Choices: [{ index: 0, message: { tool_calls: proposal } }] }), null);
  assert.notEqual(faultOf({ choices: [{ index: 0, Message: { tool_calls: proposal } }] }), null);
});

test("what vendors are known to send beside an answer passes", () => {
  const message = {
    role: "assistant",
    content: [
      { type: "text", text: "a", annotations: [] },
      { type: "thinking", thinking: [{ type: "text", text: "b" }] },
    ],
    refusal: null,
    annotations: [{ type: "url_citation", url_citation: { url: "https://example.com" } }],
    audio: { id: "audio_1", data: "" },
    reasoning_content: "because",
    reasoning_details: [{ type: "reasoning.text", text: "because" }],
    extra_content: { google: { thought_signature: "x" } },
    vendor_note: "plain values say nothing to do",
  };
  const answer = {
    id: "x",
    object: "chat.completion",
    created: 1,
    model: "m",
    service_tier: "default",
    system_fingerprint: "fp",
    usage: { prompt_tokens: 1, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 0 } },
    prompt_filter_results: [{ prompt_index: 0 }],
    x_groq: { id: "req" },
    timings: { prompt_ms: 1 },
    citations: ["https://example.com"],
    choices: [
      {
        index: 0,
        message,
        finish_reason: "stop",
        native_finish_reason: "STOP",
        logprobs: { content: [{ token: "a", logprob: -0.1, bytes: [97], top_logprobs: [] }] },
        content_filter_results: { hate: { filtered: false } },
      },
    ],
  };
  assert.equal(faultOf(answer), null);
});

test("usage holds counts, however deep, and no tool calls under any spelling", () => {
  const withUsage = (usage: unknown): string | null => faultOf({ choices: [], usage });
  assert.equal(withUsage({ prompt_tokens_details: [{ modality: "TEXT", token_count: 3 }] }), null);
  for (const usage of [
    { tool_calls: proposal },
    { Tool_Calls: proposal },
    { prompt_tokens: { index: 0, delta: { tool_calls: proposal } } },
    { prompt_tokens_details: [{ FUNCTION_CALL: { name: "f", arguments: "{}" } }] },
    [{ tool_calls: proposal }],
  ]) {
    assert.match(withUsage(usage) ?? "", /`usage` holds `(tool_calls|function_call)`, which is no count/i);
  }
});

test("an error stands alone and says something; anything else could be read as an answer by some", () => {
  assert.deepEqual(readChatAnswer({ error: { message: "overloaded" } }), {
    ok: true,
    value: { model: null, usage: null, choices: [], isError: true },
  });
  assert.equal(faultOf({ error: null, choices: [] }), null);
  for (const error of ["", 0, false]) {
    assert.notEqual(faultOf({ error }), null);
    assert.notEqual(faultOf({ error, choices: [{ index: 0, message: { tool_calls: proposal } }] }), null);
  }
  const beside = { error: { message: "x" }, choices: [{ index: 0, message: { tool_calls: proposal } }] };
  assert.notEqual(faultOf(beside), null);
});

test("only what every provider calls complete is: whatever else ends a message may have cut its tool calls off", () => {
  for (const reason of ["stop", "tool_calls", "function_call"]) assert.ok(endsWhole(reason));
  for (const reason of [
    null,
    "",
    "length",
    "content_filter",
    "max_tokens",
    "MAX_TOKENS",
    "model_length",
    "error",
  ]) {
    assert.equal(endsWhole(reason), false);
  }
});

test("a text under the name of a tool call is none that may pass, wherever it stands and however it is spelled", () => {
  for (const name of ["tool_calls", "TOOL_CALLS", "Function_Call", "tool_\u3388ls"]) {
    for (const value of ["[]", "m", 1, true]) {
      assert.match(answerFault({ [name]: value }) ?? "", /makes some clients do something/);
      assert.match(choiceFault({ [name]: value }) ?? "", /makes some clients do something/);
      assert.match(
        messageFault({ content: [{ type: "text", text: "", [name]: value }] }) ?? "",
        /a content part holds/,
      );
    }
    assert.equal(answerFault({ [name]: null }), null);
  }
});
