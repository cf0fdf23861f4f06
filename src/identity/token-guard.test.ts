import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SecretValue } from "../core/secret-value.ts";
import { openKeyGuard } from "./key-guard.ts";
import type { ApiKeyRecord } from "./key-store.ts";

const macKey = new SecretValue(new Uint8Array(32).fill(1));

function ended(id: string, revokedAt: number): ApiKeyRecord {
  const key = { id, application: "app", hash: id, hint: "pcl_", createdAt: 1, createdBy: "op" };
  return { ...key, expiresAt: null, revokedAt };
}

test("two gateways that share the file of ends take nothing out of it, and each holds to both", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-ends-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "ends.json");
  const [one, other] = [await openKeyGuard(macKey, path), await openKeyGuard(macKey, path)];
  await one.remember([ended("key_1", 10), ended("key_3", 30)]);
  await other.remember([ended("key_2", 20), ended("key_3", 25)]);
  assert.deepEqual(JSON.parse(readFileSync(path, "utf8")), { key_1: 10, key_2: 20, key_3: 25 });
  const alive = { ...ended("key_1", 10), revokedAt: null };
  assert.equal(other.isIntact({ ...alive, mac: other.macOf(alive) }), false);
});
