import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SseDecoder, type SseEvent } from "./sse-decoder.ts";

const options = { maxEventBytes: 4096 };

function decode(chunks: readonly Buffer[]): { events: readonly SseEvent[]; failure: string | null } {
  const decoder = new SseDecoder(options);
  const events: SseEvent[] = [];
  for (const chunk of chunks) {
    const pushed = decoder.push(chunk);
    if (!pushed.ok) return { events, failure: pushed.failure.reason };
    events.push(...pushed.value);
  }
  const rest = decoder.end();
  return rest.ok
    ? { events: [...events, ...rest.value], failure: null }
    : { events, failure: rest.failure.detail };
}

function dataOf(text: string): readonly (string | null)[] {
  const decoded = decode([Buffer.from(text)]);
  assert.equal(decoded.failure, null);
  return decoded.events.map((event) => event.data);
}

test("an event ends at a blank line, whatever legal line end the upstream uses", () => {
  for (const end of ["\n", "\r\n", "\r"]) {
    assert.deepEqual(dataOf(`data: a${end}${end}data: b${end}${end}`), ["a", "b"]);
  }
  assert.deepEqual(dataOf("data: a\r\n\ndata: b\n\rdata: c\r\r\n"), ["a", "b", "c"]);
});

test("data lines are joined, one space after the colon is dropped, and other fields are no data", () => {
  assert.deepEqual(dataOf("event: x\ndata: 1\nid: 7\ndata:2\ndata:  3\ndata\n\n"), ["1\n2\n 3\n"]);
  assert.deepEqual(dataOf(": keep-alive\n\nretry: 10\n\ndata:\n\ndatax: no\n\n"), [null, null, null, null]);
  assert.deepEqual(dataOf("data:x\n\ndata:  y\n\n"), ["x", " y"]);
});

test("a byte order mark counts only at the very beginning", () => {
  assert.deepEqual(dataOf("\ufeffdata: a\n\n\ufeffdata: b\n\n"), ["a", null]);
});

function framesOf(text: string): readonly string[] {
  return decode([Buffer.from(text)]).events.map((event) => event.raw.toString());
}

test("what goes on is the data under our own framing: no line of the upstream's is passed on unread", () => {
  assert.deepEqual(framesOf("data: {}\n\n"), ["data: {}\n\n"], "nearly every event stays as it is");
  assert.deepEqual(framesOf("\ufeffid: 7\r\nevent: e\r\ndata:1\r\ndata: 2\r\nx: y\r\n\r\n"), [
    "data: 1\ndata: 2\n\n",
  ]);
  assert.deepEqual(framesOf(": a\u2028data: {}\n\nretry: 1\n\ndata:\n\n"), [
    ": keep-alive\n\n",
    ": keep-alive\n\n",
    ": keep-alive\n\n",
  ]);
  assert.deepEqual(framesOf("data: a\n\n\ufeffdata: b\n\n"), ["data: a\n\n", ": keep-alive\n\n"]);
  assert.deepEqual(framesOf("\n\n\n"), ["", "", ""], "empty lines make no events");
});

test("characters at which some readers end a line are escaped within JSON, and mean the same", () => {
  const value = { content: "a\u0085data: {}\u2028b\u2029c" };
  const [frame = ""] = framesOf(`data: ${JSON.stringify(value)}\n\n`);
  assert.doesNotMatch(frame, /[\u0085\u2028\u2029]/);
  assert.deepEqual(JSON.parse(frame.slice(6)), value);
});

test("any way of cutting the same bytes gives the same events, or the same failure", () => {
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom("\n", "\r", "\r\n", "\n\n", "\r\n\r\n") },
    {
      weight: 3,
      arbitrary: fc.constantFrom("data: ", "data:", "data", ": c", "event: e", "\ufeff", "é😀", "x"),
    },
    { weight: 1, arbitrary: fc.constantFrom(Buffer.from([0xff]), Buffer.from([0xe2, 0x82])) },
  );
  const cuts = fc.array(fc.nat(200), { maxLength: 40 });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), cuts, (pieces, places) => {
      const bytes = Buffer.concat(pieces.map((one) => (typeof one === "string" ? Buffer.from(one) : one)));
      const sorted = [...new Set([0, ...places.filter((at) => at < bytes.length), bytes.length])].sort(
        (a, b) => a - b,
      );
      const chunks = sorted.map((at, index) => bytes.subarray(at, sorted[index + 1] ?? at));
      const single = Array.from(bytes, (byte) => Buffer.from([byte]));
      const whole = decode([bytes]);
      for (const cut of [decode(chunks), decode(single)]) {
        assert.equal(cut.failure, whole.failure);
        // A failure takes with it the good events of its own chunk, which may be none or all of them.
        if (whole.failure === "invalid") assert.ok(cut.events.length >= whole.events.length);
        else assert.deepEqual(cut.events, whole.events);
      }
    }),
    { numRuns: 500 },
  );
});

test("invalid UTF-8 is said to be so, and a character cut in two chunks is not invalid", () => {
  assert.equal(decode([Buffer.from([0x64, 0x61, 0xff, 0x0a, 0x0a])]).failure, "invalid");
  const euro = Buffer.from("data: €\n\n");
  assert.deepEqual(
    decode([euro.subarray(0, 7), euro.subarray(7)]).events.map((event) => event.data),
    ["€"],
  );
});

test("an event that does not end is bounded, and told of at the end", () => {
  assert.equal(decode([Buffer.from("data: half\n")]).failure, "the stream ended within an event");
  assert.equal(decode([Buffer.alloc(4097, "x")]).failure, "too_large");
  assert.equal(decode(Array.from({ length: 4097 }, () => Buffer.from("x"))).failure, "too_large");
  assert.equal(decode([Buffer.from(`data: ${"x".repeat(4096)}\n\n`)]).failure, "too_large");
});

test("what was pushed is not looked at again: a large event in small parts costs linear time", () => {
  const decoder = new SseDecoder({ maxEventBytes: 64 * 1024 * 1024 });
  const part = Buffer.alloc(512, "x");
  decoder.push(Buffer.from("data: "));
  const started = performance.now();
  for (let at = 0; at < 40_000; at += 1) assert.ok(decoder.push(part).ok);
  const ended = decoder.push(Buffer.from("\n\n"));
  assert.ok(ended.ok);
  assert.equal(ended.value[0]?.data?.length, 512 * 40_000);
  // Reading everything again with each part would be 400 GB.
  assert.ok(performance.now() - started < 5000);
});
