// The run-book of docs/operations.md, followed to the letter while a gateway takes load.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { shellBlock } from "./run-book.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { completionOf } from "./trail.ts";

const bin = resolve(import.meta.dirname, "../../bin");
const run = promisify(execFile);

interface Places {
  readonly GATEWAY: string;
  readonly BACKUP: string;
  readonly KEYS_BACKUP: string;
  readonly RESTORED: string;
  readonly VKEY?: string;
}

async function follow(heading: string, places: Places): Promise<string> {
  const env = { ...process.env, ...places, PATH: `${bin}:${process.env["PATH"]}` };
  const { stdout } = await run("bash", ["-euc", shellBlock("operations.md", heading)], { env });
  return stdout;
}

async function call(gateway: TestGateway, key: string): Promise<string> {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: '{"model":"demo/assistant","messages":[{"role":"user","content":"Hello"}]}',
  });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return answer.headers.get("x-portcullis-call") ?? "";
}

test("a backup under load holds what was told before it, verifies by the public key alone, and is brought back", async (t) => {
  const place = testFolder();
  t.after(() => rmSync(place, { recursive: true }));
  const gateway = await startGateway(join(place, "gateway"));
  t.after(() => gateway.kill());
  const key = gateway.key ?? "";
  const places: Places = {
    GATEWAY: gateway.folder,
    BACKUP: join(place, "backup"),
    KEYS_BACKUP: join(place, "keys-backup"),
    RESTORED: join(place, "restored"),
  };

  const told: string[] = [];
  let backedUp = false;
  const load = Array.from({ length: 8 }, async () => {
    while (!backedUp) told.push(await call(gateway, key));
  });
  while (told.length < 50) await new Promise((resolved) => setImmediate(resolved));
  const before = [...told];
  await follow("Back up", places);
  backedUp = true;
  await Promise.all(load);
  assert.ok(told.length > before.length, "it served calls meanwhile");
  const lost = await call(gateway, key);

  const vkey = await vkeyOf(gateway);
  assert.match(await follow("Check the copy", { ...places, VKEY: vkey }), /it holds/);
  await assert.rejects(follow("Check the copy", { ...places, VKEY: otherKey(vkey) }));

  await follow("Restore", places);
  const restored = await startGateway(places.RESTORED);
  t.after(() => restored.kill());
  for (const one of before) assert.equal((await completionOf(restored, one))?.outcome, "ok", one);
  assert.equal(await completionOf(restored, lost), undefined);
  await call(restored, key);
  await restored.stop();

  // The keys outlived the data: the older copy is refused until the operator has seen what is lost.
  await gateway.stop();
  rmSync(places.RESTORED, { recursive: true });
  await follow("Restore", { ...places, KEYS_BACKUP: gateway.folder }).catch(() => "doctor finds it");
  const refused = await refusal(places.RESTORED);
  assert.match(refused, /the data store is older than `[^`]*checkpoint`/);
  await follow("When the copy is older than the last head", places);
  assert.ok(existsSync(join(places.RESTORED, "keys", "checkpoint.lost")));
  const [name = "", value = ""] =
    /PORTCULLIS_ACCEPT_HEAD=[\w-]+/.exec(await refusal(places.RESTORED))?.[0].split("=") ?? [];
  const accepted = await startGateway(places.RESTORED, { [name]: value });
  t.after(() => accepted.kill());
  await call(accepted, key);
  await accepted.stop();
  const pinned = join(places.RESTORED, "keys", "checkpoint.lost");
  assert.equal(
    accepted.cli("audit", "verify", "--pin", pinned).status,
    1,
    "the lost head does not go with it",
  );
});

async function vkeyOf(gateway: TestGateway): Promise<string> {
  const copy = testFolder();
  const made = gateway.cli("backup", join(copy, "data"), "--json");
  rmSync(copy, { recursive: true });
  assert.equal(made.status, 0, made.stderr);
  return String(JSON.parse(made.stdout).vkey);
}

/** The same name with a key of nobody's. */
function otherKey(vkey: string): string {
  return vkey.replace(/.$/, (last) => (last === "A" ? "B" : "A"));
}

/** What a start says that does not come about. */
async function refusal(folder: string): Promise<string> {
  const started = startGateway(folder);
  const fault = await started.then(
    async (running) => {
      await running.kill();
      return null;
    },
    (error: unknown) => error,
  );
  assert.ok(fault instanceof Error, "the start is refused");
  return fault.message;
}
