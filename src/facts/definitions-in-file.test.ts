import assert from "node:assert/strict";
import { test } from "node:test";
import { definitionsIn } from "./definitions-in-file.ts";
import { toolDigest } from "./tool-digest.ts";

const weather = { name: "get_weather", description: "é", parameters: { type: "object", minimum: 0.5 } };
const mail = { name: "send_email" };
const fn = (definition: object) => ({ type: "function", function: definition });
const shell = { name: "shell", format: { type: "text" } };

function found(value: unknown): readonly (readonly [string, string])[] {
  const read = definitionsIn(Buffer.from(JSON.stringify(value)));
  assert.ok(read.ok, read.ok ? "" : read.failure);
  return read.value.map(({ name, digest }) => [name, digest]);
}

const both = [
  ["get_weather", toolDigest(weather, "function")],
  ["send_email", toolDigest(mail, "function")],
];

test("a request, its list, one of it and a bare definition give the digests that the gate works out", () => {
  for (const value of [
    { model: "fast", messages: [], tools: [fn(weather), fn(mail)] },
    { model: "fast", functions: [weather, mail] },
    [fn(weather), fn(mail)],
    [weather, mail, fn(weather)],
    [{ function: weather }, { type: "function", ...mail }],
  ]) {
    assert.deepEqual(found(value), both, JSON.stringify(value));
  }
  assert.deepEqual(found(weather), both.slice(0, 1));
  assert.deepEqual(found({ type: "custom", custom: shell }), [["shell", toolDigest(shell, "custom")]]);
});

test("what `audit show --json` prints of a call has its request in it", () => {
  const request = JSON.stringify({ tools: [fn(weather), fn(mail)] });
  const entry = (payloads: readonly object[]) => ({ index: 7, leaf: { name: "not a tool" }, payloads });
  const kept = { field: "request", status: "matches", encoding: "utf8", value: request };
  const address = { field: "source_address", encoding: "utf8", value: "127.0.0.1" };
  assert.deepEqual(found([entry([address, kept]), entry([])]), both);
  assert.deepEqual(found(entry([kept])), both);
  for (const other of [
    { ...kept, value: null },
    { ...kept, encoding: "base64" },
    { ...kept, value: "{" },
  ]) {
    assert.deepEqual(found(entry([other])), []);
  }
});

test("two definitions of one name are both told, and what defines nothing gives nothing", () => {
  const digests = found([weather, { ...weather, description: "other" }]).map(([, digest]) => digest);
  assert.equal(new Set(digests).size, 2);
  for (const value of [{}, [], null, 1, "get_weather", { tools: 5 }, { tools: [5, {}, { function: {} }] }]) {
    assert.deepEqual(found(value), []);
  }
});

test("JSON that can be read in two ways is refused: its digest would be another's", () => {
  for (const text of ['{"name":"a","name":"b"}', "{", "", '{"name":"\\ud800"}']) {
    assert.equal(definitionsIn(Buffer.from(text)).ok, false, text);
  }
  assert.equal(definitionsIn(Buffer.from([0x22, 0xff, 0x22])).ok, false);
});
