import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { StreamInspection } from "../../src/gateway/stream-inspection.ts";
import { SseDecoder, type SseEvent } from "../../src/providers/sse-decoder.ts";
import { campaign } from "./campaign.ts";
import { mutated } from "./mutate.ts";
import type { Random } from "./random.ts";

const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const toolDelta = {
  tool_calls: [{ index: 0, id: "c1", type: "function", function: { name: "f", arguments: "{}" } }],
};
const usage = 'data: {"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n';
const streams = [
  [chunk({ role: "assistant", content: "Hel" }), chunk({ content: "lo 😀" }), chunk({}, "stop"), usage],
  [chunk({ role: "assistant", content: null }), chunk(toolDelta), chunk({}, "tool_calls"), usage],
  [": comment\n\n", "id: 1\nevent: x\n", chunk({ content: "a" }).replaceAll("\n", "\r\n")],
].map((events) => Buffer.from(`${events.join("")}data: [DONE]\n\n`));
const [first = Buffer.alloc(0), ...others] = streams;

test("a stream is read the same however it is cut, and nothing of a tool call goes on unheld", (t) => {
  campaign(t, (random) => {
    const stream = mutated(random, [first, ...others]);
    const whole = decoded([stream]);
    assert.ok(isDeepStrictEqual(decoded(cut(random, stream)), whole));
    const inspection = new StreamInspection({
      usageIsOurs: false,
      maxDepth: 64,
      offers: () => true,
      maxHeldBytes: 2_048,
    });
    for (const event of whole.events) {
      const taken = inspection.take(event);
      if (!taken.ok) return;
      if (!inspection.done) assertReadAlike(event);
      if (taken.value !== null) assertHarmless(taken.value);
    }
    for (const held of inspection.held) assert.ok(held.raw.length > 0);
    void inspection.actions;
  });
});

function cut(random: Random, stream: Buffer): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; ) {
    const end = Math.min(stream.length, at + 1 + random.below(random.below(4) === 0 ? 3 : 200));
    chunks.push(stream.subarray(at, end));
    at = end;
  }
  return chunks;
}

interface Decoded {
  readonly events: readonly SseEvent[];
  readonly failed: string | null;
}

/** The events up to the first failure. A chunk with a failure gives none of its own, so the texts are what counts. */
function decoded(chunks: readonly Buffer[]): Decoded {
  const decoder = new SseDecoder({ maxEventBytes: 2_048 });
  const events: SseEvent[] = [];
  for (const one of chunks) {
    const read = decoder.push(one);
    if (!read.ok) return { events: [], failed: read.failure.detail };
    events.push(...read.value);
  }
  const end = decoder.end();
  return end.ok
    ? { events: [...events, ...end.value], failed: null }
    : { events: [], failed: end.failure.detail };
}

/** What some reader or other takes for the end of a line. */
const lineEnds = ["\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029", "\v", "\f", "\u001c", "\u001d", "\u001e"];
const lineEnd = new RegExp(lineEnds.join("|"));

/** An SSE reader of its own. */
function dataOf(raw: Buffer): readonly string[] {
  const data: string[] = [];
  for (const block of raw.toString("utf8").split("\n\n")) {
    const lines = block.split(lineEnd).filter((line) => line.startsWith("data:"));
    if (lines.length > 0) data.push(lines.map((line) => line.replace(/^data: ?/, "")).join("\n"));
  }
  return data;
}

/** What goes on is read by every reader as it was read here. */
function assertReadAlike({ raw, data }: SseEvent): void {
  const read = dataOf(raw).map((text) => JSON.parse(text));
  assert.ok(isDeepStrictEqual(read, data === null ? [] : [JSON.parse(data)]), raw.toString());
}

function assertHarmless(raw: Buffer): void {
  for (const data of dataOf(raw)) {
    const names = new Set<string>();
    JSON.parse(data, (name, value: unknown) => {
      names.add(name.toLowerCase());
      return value;
    });
    for (const name of ["tool_calls", "function_call"]) {
      if (names.has(name)) assert.match(data, /"(tool_calls|function_call)":(null|\[\])/i);
    }
  }
}
