// `audit tail` beside a real gateway: from the first entry, in the formats of other systems, and as entries come.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { startGateway, type TestGateway } from "./test-gateway.ts";

const binary = resolve(import.meta.dirname, "../../bin/portcullis");
let gateway: TestGateway;

before(async () => {
  gateway = await startGateway();
});
after(() => gateway.close());

async function chat(): Promise<string> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "fast", messages: [{ role: "user", content: "hello" }] }),
  });
  await response.arrayBuffer();
  return response.headers.get("x-portcullis-call") ?? "";
}

test("the whole log is a line of JSON each, in every format, more pages than one", async () => {
  for (let call = 0; call < 101; call += 1) await chat();
  const raw = gateway.cli("audit", "tail", "--from", "0", "--no-follow", "--format", "json");
  assert.equal(raw.status, 0, raw.stderr);
  const entries = raw.stdout
    .trimEnd()
    .split("\n")
    .map((line): { index: number } => JSON.parse(line));
  assert.ok(entries.length > 200);
  assert.deepEqual(
    entries.map(({ index }) => index),
    entries.map((_, at) => at),
  );
  for (const [format, member] of [
    ["cloudevents", "specversion"],
    ["ocsf", "class_uid"],
    ["otel", "resourceLogs"],
  ] as const) {
    const { status, stdout } = gateway.cli("audit", "tail", "--from", "0", "--no-follow", "--format", format);
    assert.equal(status, 0);
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.length, entries.length);
    for (const line of lines) assert.ok(member in JSON.parse(line));
  }
  assert.equal(gateway.cli("audit", "tail", "--format", "xml").status, 2);
});

test("who follows is told of what comes, and ends when asked", async () => {
  const child = spawn(binary, ["audit", "tail", "--json", "--dir", gateway.folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  assert.ok("leaf" in JSON.parse(String(first.value)));
  const call = await chat();
  for (;;) {
    const { leaf } = JSON.parse(String((await lines.next()).value));
    if (leaf.type === "call.completed" && leaf.call === call) break;
  }
  child.kill("SIGINT");
  assert.deepEqual(await once(child, "exit"), [0, null]);
});

test("people read a table of the newest", () => {
  const { status, stdout } = gateway.cli("audit", "tail", "--no-follow");
  assert.equal(status, 0);
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.length, 11);
  assert.match(lines[0] ?? "", /^index +time +type/);
});
