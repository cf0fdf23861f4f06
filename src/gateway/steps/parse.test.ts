import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { IdentifiedCall, ParsedCall } from "../call.ts";
import { describe } from "./describe.ts";
import { parse } from "./parse.ts";

const limits = { body: 2 ** 25, response: 2 ** 25, depth: 64, assumed_output: 1000 };
const subjects = { userId: () => "u_1", applicationId: () => "a_1" };

function identified(body: string): IdentifiedCall {
  return {
    endpoint: "chat",
    headers: {},
    body: Buffer.from(body),
    sourceAddress: "127.0.0.1",
    arrivedAt: 0,
    id: "call_1",
    application: { name: "assistant", groups: [], payloads: "none" },
    time: 1,
    steps: null,
  };
}

function parsed(body: string): ParsedCall {
  const read = parse({ limits }, identified(body));
  assert.ok(read.ok, JSON.stringify(read));
  return read.value;
}

const hello = '"model":"m","messages":[{"role":"user","content":"hello"}]';

test("a body of values that cost far more than their bytes is refused while it is scanned", () => {
  const read = parse({ limits }, identified(`{${hello},"stop":[${"{},".repeat(6_500_000)}{}]}`));
  assert.ok(!read.ok && read.failure.reason === "invalid_json");
  assert.match(read.failure.detail, /^it has to be split/);
});

test("labels are found when the call is described, and its texts are not kept beyond that", async () => {
  const text = `${"word ".repeat(50_000)} ann@example.com`;
  for (const content of ["ann@example.com", text]) {
    const call = parsed(JSON.stringify({ model: "m", messages: [{ role: "user", content }] }));
    const described = await describe({ subjects }, call, [{ provider: "up", model: "m" }]);
    assert.deepEqual(described.facts.labels, ["pii.email"]);
    assert.equal("texts" in described, false);
  }
});

test("what a body was parsed into is let go", async () => {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  assert.ok(typeof collect === "function");
  const parameters = `{"a":[${'{"b":[]},'.repeat(40_000)}{}]}`;
  const tools = `[{"type":"function","function":{"name":"f","parameters":${parameters}}}]`;
  const body = `{${hello},"tools":${tools},"metadata":${parameters}}`;
  collect();
  const before = process.memoryUsage().heapUsed;
  // The body's own bytes are not on this heap.
  const described = await describe({ subjects }, parsed(body), [{ provider: "up", model: "m" }]);
  collect();
  const kept = process.memoryUsage().heapUsed - before;
  assert.ok(kept < 4_000_000, `${kept} bytes are kept`);
  assert.equal(described.request.offeredTools.size, 1);
});
