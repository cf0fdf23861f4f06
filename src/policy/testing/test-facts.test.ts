import assert from "node:assert/strict";
import { test } from "node:test";
import { callFacts } from "../context-facts.ts";
import { statedFacts, testedFacts } from "./test-facts.ts";

test("every fact of the table can be stated, save the user, which a test states elsewhere", () => {
  const names = callFacts.map(({ name }) => name).filter((name) => name !== "user");
  assert.deepEqual(Object.keys(statedFacts.shape), names);
});

test("facts that are not stated have the default of their type, and optional ones are absent", () => {
  assert.deepEqual(testedFacts({}, "demo/assistant", undefined), {
    requested_model: "demo/assistant",
    message_count: 0,
    input_tokens: 0,
    stream: false,
    tools: [],
    has_images: false,
    has_audio: false,
    has_files: false,
    labels: [],
    source_address: "127.0.0.1",
    time: Date.parse("2026-01-05T12:00:00Z"),
  });
});

test("stated facts are typed: a time is text with a zone, an address is an address", () => {
  const stated = statedFacts.parse({ time: "2026-11-22T10:00:00+02:00", output_limit: 5 });
  const facts = testedFacts(stated, "demo/a", "eve");
  assert.equal(facts.time, Date.parse("2026-11-22T08:00:00Z"));
  assert.equal(facts.output_limit, 5);
  assert.equal(facts.user, "eve");
  for (const wrong of [
    { time: "2026-11-22" },
    { time: 5 },
    { source_address: "10.0.0.0/8" },
    { message_count: 1.5 },
    { message_count: 2 ** 60 },
    { labels: "pii.email" },
    { user: "eve" },
    { lables: [] },
  ]) {
    assert.equal(statedFacts.safeParse(wrong).success, false, JSON.stringify(wrong));
  }
});
