import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readTokenUsage } from "./token-usage.ts";

test("chat usage is read with its details", () => {
  const usage = {
    prompt_tokens: 100,
    completion_tokens: 50,
    total_tokens: 150,
    prompt_tokens_details: { cached_tokens: 60 },
    completion_tokens_details: { reasoning_tokens: 20 },
  };
  assert.deepEqual(readTokenUsage(usage), {
    input_tokens: 100,
    cached_input_tokens: 60,
    output_tokens: 50,
    reasoning_tokens: 20,
    source: "provider",
  });
});

test("embeddings usage and the newer spellings are read too", () => {
  assert.deepEqual(readTokenUsage({ prompt_tokens: 7, total_tokens: 7 }), {
    input_tokens: 7,
    cached_input_tokens: 0,
    output_tokens: 0,
    reasoning_tokens: 0,
    source: "provider",
  });
  const newer = {
    input_tokens: 9,
    output_tokens: 4,
    input_tokens_details: { cached_tokens: 3 },
    output_tokens_details: { reasoning_tokens: 2 },
  };
  assert.deepEqual(readTokenUsage(newer), {
    input_tokens: 9,
    cached_input_tokens: 3,
    output_tokens: 4,
    reasoning_tokens: 2,
    source: "provider",
  });
});

test("a part is never more than the whole", () => {
  const usage = { prompt_tokens: 5, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 6 } };
  assert.equal(readTokenUsage(usage)?.cached_input_tokens, 5);
});

test("numbers that cannot be meant count as absent", () => {
  for (const hostile of [-1, 1.5, 1e30, Number.NaN, "5", null, true, [], {}, 2 ** 53]) {
    assert.equal(readTokenUsage({ prompt_tokens: hostile, completion_tokens: 1 }), null);
    const details = { prompt_tokens: 1, prompt_tokens_details: { cached_tokens: hostile } };
    assert.equal(readTokenUsage(details)?.cached_input_tokens, 0);
    if (hostile !== null)
      assert.equal(readTokenUsage({ prompt_tokens: 1, completion_tokens: hostile }), null);
  }
  for (const usage of [null, undefined, 5, "x", [], {}, { completion_tokens: 3 }]) {
    assert.equal(readTokenUsage(usage), null);
  }
});

test("whatever a provider reports, what is read are plausible counts", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (a, b, c) => {
      const usage = { prompt_tokens: a, completion_tokens: b, prompt_tokens_details: c };
      for (const read of [readTokenUsage(a), readTokenUsage(usage)]) {
        if (read === null) continue;
        const { source, ...counts } = read;
        assert.equal(source, "provider");
        for (const count of Object.values(counts)) assert.ok(Number.isSafeInteger(count) && count >= 0);
        assert.ok(read.cached_input_tokens <= read.input_tokens);
      }
    }),
  );
});
