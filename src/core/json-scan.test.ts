import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStrictJson } from "./strict-json.ts";

const depth = 64;

/** `ok`, or the failure's kind. */
function kindOf(document: string): string {
  const parsed = parseStrictJson(Buffer.from(document), depth);
  return parsed.ok ? "ok" : parsed.failure.kind;
}

test("a document that costs far more to read than to send is refused before it is read", () => {
  const list = (count: number, piece: string) => `[${`${piece},`.repeat(count - 1)}${piece}]`;
  const keys = (count: number) =>
    `{${Array.from({ length: count }, (_, at) => `"${at.toString(36)}":0`).join()}}`;
  for (const [document, kind] of [
    [list(319_999, "{}"), "ok"],
    [list(320_000, "{}"), "size"],
    [list(320_000, "[]"), "size"],
    [keys(300_000), "ok"],
    [keys(320_000), "size"],
    [list(999_990, '""'), "ok"],
    [list(1_000_000, '""'), "size"],
    [list(8_000_000, "0"), "size"],
    [`[${list(319_000, "{}")},${list(1000, '""')},${list(10_000, "[]")}]`, "size"],
  ] as const) {
    assert.equal(kindOf(document), kind, `${document.length} of ${document.slice(0, 8)}`);
  }
  const hostile = parseStrictJson(Buffer.from(`{"stop":${list(6_500_000, "{}")}}`), depth);
  assert.ok(!hostile.ok);
  assert.match(hostile.failure.detail, /^it has to be split, .*320000 objects, arrays and keys/);
  assert.ok(hostile.failure.offset < 1_000_000, "the rest is not even looked at");
});

test("large honest documents are read", () => {
  const tokens = Array.from({ length: 4_000_000 }, (_, at) => at % 9000);
  assert.equal(kindOf(`{"input":[[${tokens.join()}]]}`), "ok");
  const part = { type: "text", text: "a".repeat(200) };
  const image = { type: "image_url", image_url: { url: "https://example.com", detail: "low" } };
  const messages = Array.from({ length: 2000 }, () => ({ role: "user", content: [part, part, image] }));
  const properties = Object.fromEntries(
    Array.from({ length: 50 }, (_, at) => [`p${at}`, { type: "string", description: "what it is" }]),
  );
  const tools = Array.from({ length: 512 }, (_, at) => ({
    type: "function",
    function: { name: `f${at}`, parameters: { type: "object", properties } },
  }));
  assert.equal(kindOf(JSON.stringify({ messages, tools })), "ok");
});
