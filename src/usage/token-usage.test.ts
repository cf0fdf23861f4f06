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

function counts(usage: unknown): readonly (number | undefined)[] {
  const read = readTokenUsage(usage);
  return [read?.input_tokens, read?.cached_input_tokens, read?.output_tokens, read?.reasoning_tokens];
}

test("reasoning that xAI counts beside the completion is output too", () => {
  // As measured in https://github.com/vercel/ai/pull/12425 and https://github.com/Wei-Shaw/sub2api/issues/5771.
  const usage = {
    prompt_tokens: 10120,
    completion_tokens: 1499,
    total_tokens: 14428,
    prompt_tokens_details: { cached_tokens: 128 },
    completion_tokens_details: { reasoning_tokens: 2809 },
  };
  assert.deepEqual(counts(usage), [10120, 128, 1499 + 2809, 2809]);
  const short = {
    prompt_tokens: 12,
    completion_tokens: 1,
    total_tokens: 399,
    completion_tokens_details: { reasoning_tokens: 386 },
  };
  assert.deepEqual(counts(short), [12, 0, 387, 386]);
});

test("what Gemini thought is output too, though only its total tells of it", () => {
  assert.deepEqual(counts({ prompt_tokens: 9, completion_tokens: 1, total_tokens: 103 }), [9, 0, 94, 93]);
});

test("a total that reasoning does not explain adds nothing", () => {
  const base = { prompt_tokens: 10, completion_tokens: 20 };
  const details = { completion_tokens_details: { reasoning_tokens: 5 } };
  for (const [usage, expected] of [
    // OpenAI: reasoning is in the completion already.
    [{ ...base, ...details, total_tokens: 30 }, [10, 0, 20, 5]],
    [{ ...base, ...details, total_tokens: 36 }, [10, 0, 20, 5]],
    [{ ...base, total_tokens: 50, completion_tokens_details: { reasoning_tokens: 0 } }, [10, 0, 20, 0]],
    [{ ...base, ...details, total_tokens: 29 }, [10, 0, 20, 5]],
    [{ ...base, ...details }, [10, 0, 20, 5]],
    [{ ...base, total_tokens: -1 }, [10, 0, 20, 0]],
    // Cached input that a server leaves out of the prompt.
    [{ ...base, total_tokens: 1030, prompt_tokens_details: { cached_tokens: 1000 } }, [10, 10, 20, 0]],
    // Embeddings of images: there is no completion at all.
    [{ prompt_tokens: 10, total_tokens: 500 }, [10, 0, 0, 0]],
    [{ prompt_tokens: 10, completion_tokens: null, total_tokens: 500 }, [10, 0, 0, 0]],
  ] as const) {
    assert.deepEqual(counts(usage), expected, JSON.stringify(usage));
  }
});

test("nothing is counted twice: with what is added, input and output are the total and never more", () => {
  const tokens = fc.nat(1_000_000);
  const maybe = fc.option(tokens, { nil: undefined });
  fc.assert(
    fc.property(tokens, tokens, maybe, maybe, maybe, (prompt, completion, total, reasoning, cached) => {
      const around = [total, prompt + completion, prompt + completion + (reasoning ?? 0)];
      for (const total_tokens of around) {
        const read = readTokenUsage({
          prompt_tokens: prompt,
          completion_tokens: completion,
          total_tokens,
          completion_tokens_details: { reasoning_tokens: reasoning },
          prompt_tokens_details: { cached_tokens: cached },
        });
        assert.ok(read !== null);
        assert.equal(read.input_tokens, prompt);
        const added = read.output_tokens - completion;
        assert.ok(added === 0 || (added > 0 && read.input_tokens + read.output_tokens === total_tokens));
        assert.ok(added === 0 || reasoning === undefined || added === reasoning);
        assert.ok(read.reasoning_tokens <= read.output_tokens);
        assert.ok(read.reasoning_tokens >= added);
      }
    }),
  );
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
      const usage = { prompt_tokens: a, completion_tokens: b, total_tokens: c, prompt_tokens_details: c };
      for (const read of [readTokenUsage(a), readTokenUsage(usage)]) {
        if (read === null) continue;
        const { source, ...counts } = read;
        assert.equal(source, "provider");
        for (const count of Object.values(counts)) assert.ok(Number.isSafeInteger(count) && count >= 0);
        assert.ok(read.cached_input_tokens <= read.input_tokens);
        assert.ok(read.reasoning_tokens <= read.output_tokens);
      }
    }),
  );
});
