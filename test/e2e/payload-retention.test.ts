// Payload whose time has come is gone, in a real gateway: on record, of the application that keeps it for so long alone, and
// with a log that verifies as before.

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

const config = (short: string): string => `server: { listen: "127.0.0.1:0" }
providers: { demo: { type: demo } }
audit: { payloads: response }
applications:
  - { name: short, keep_payloads: ${short} }
  - { name: ever }
`;

async function call(gateway: TestGateway, key: string): Promise<string> {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: '{"model":"demo/assistant","messages":[{"role":"user","content":"Hello"}]}',
  });
  assert.equal(answer.status, 200, await answer.text());
  return answer.headers.get("x-portcullis-call") ?? "";
}

function keyOf(gateway: TestGateway, application: string): string {
  const made = gateway.cli("keys", "create", "--application", application, "--json");
  assert.equal(made.status, 0, made.stderr);
  return String(JSON.parse(made.stdout).key);
}

/** What has become of each field that a call's entries commit to. */
function statusOf(gateway: TestGateway, id: string): readonly string[] {
  const shown = gateway.cli("audit", "show", id, "--json");
  assert.equal(shown.status, 0, shown.stderr);
  const entries: readonly { payloads: readonly { field: string; status: string }[] }[] = JSON.parse(
    shown.stdout,
  );
  return entries.flatMap(({ payloads }) => payloads.map(({ field, status }) => `${field} ${status}`));
}

async function expired(gateway: TestGateway, entries: number) {
  const until = performance.now() + 30_000;
  for (;;) {
    const found = leavesOf(await readTrail(gateway), "payload.expired");
    if (found.reduce((sum, leaf) => sum + leaf.entries, 0) >= entries) return found;
    assert.ok(performance.now() < until, "the start removes what is due");
    await new Promise((resolved) => setTimeout(resolved, 50));
  }
}

test("payload that was kept for its time is removed at the next start, recorded, and nothing else changes", async (t) => {
  const folder = testFolder();
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "portcullis.yaml");
  writeFileSync(file, config("30d"));
  const first = await startGateway(folder);
  t.after(() => first.kill());
  const [short, ever] = [keyOf(first, "short"), keyOf(first, "ever")];
  const [due, kept] = [await call(first, short), await call(first, ever)];
  // Payload is written after the answer.
  await first.stop();
  writeFileSync(file, config("1s"));
  const second = await startGateway(folder);
  t.after(() => second.kill());
  const [record] = await expired(second, 2);
  assert.deepEqual(record?.applications, { names: ["short"], more: 0 });
  assert.ok(record.bytes > 0 && record.oldest <= record.newest);
  const gone = ["request not_kept", "response not_kept", "source_address not_kept"];
  const until = performance.now() + 30_000;
  for (let left = statusOf(second, due); ; left = statusOf(second, due)) {
    if (left.toSorted().join() === gone.join()) break;
    assert.ok(performance.now() < until, `${left.join(", ")}: all of it is removed`);
  }
  for (const status of statusOf(second, kept)) assert.match(status, / matches$/);
  assert.match(second.cli("audit", "list", "--type", "payload.expired").stdout, /of \d+ entries, 20\d\d-/);
  await call(second, short);
  await second.stop();
});
