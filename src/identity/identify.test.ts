import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SecretValue } from "../core/secret-value.ts";
import { newApiKey } from "./api-key.ts";
import { ApiKeys } from "./api-keys.ts";
import { KeyIdentifier } from "./identify.ts";
import { openKeyGuard } from "./key-guard.ts";
import { keyEvents, MemoryKeyStore } from "./key-store.test-support.ts";

const day = 24 * 3_600_000;

const folder = mkdtempSync(join(tmpdir(), "portcullis-identify-"));
after(() => rmSync(folder, { recursive: true }));
let opened = 0;

async function setUp() {
  opened += 1;
  let now = 1_000_000;
  const store = new MemoryKeyStore();
  const keys = await ApiKeys.open(store, keyEvents, new Set(["app"]), () => now, {
    guard: await openKeyGuard(new SecretValue(Buffer.alloc(32, 1)), join(folder, `ends-${opened}.json`)),
    onDamaged: ({ id }) => assert.fail(`${id} is damaged`),
  });
  const made = await keys.create("app", "op");
  assert.ok(made.ok);
  const pass = (ms: number): void => {
    now += ms;
  };
  return {
    keys,
    ...made.value,
    identifier: new KeyIdentifier(keys, () => now),
    pass,
    stored: () => store.rows,
  };
}

test("a key is recognised wherever clients put it, and is stored nowhere", async () => {
  const { key, identifier, stored } = await setUp();
  for (const headers of [
    { authorization: `Bearer ${key}` },
    { authorization: `bearer  ${key}` },
    { "x-api-key": key },
    { "api-key": key },
    { authorization: `Bearer ${key}`, "x-api-key": key },
  ]) {
    assert.ok(identifier.identify(headers, "127.0.0.1").ok);
  }
  assert.doesNotMatch(JSON.stringify(stored()), new RegExp(key.slice(12)));
});

test("no key, two keys and a wrong key are told apart; what a wrong key lacks is not", async () => {
  const { key, record, keys, identifier } = await setUp();
  const reason = (headers: Record<string, string>): string => {
    const identified = identifier.identify(headers, "127.0.0.1");
    return identified.ok ? "ok" : identified.failure.reason;
  };
  assert.equal(reason({}), "missing_api_key");
  assert.equal(reason({ authorization: `Bearer ${key}`, "api-key": newApiKey() }), "conflicting_credentials");
  assert.equal(reason({ "x-api-key": newApiKey() }), "invalid_api_key");
  assert.equal(reason({ "x-api-key": `${key}x` }), "invalid_api_key");
  await keys.revoke(record.id, "op");
  assert.equal(reason({ "x-api-key": key }), "invalid_api_key");
});

test("every value of a header counts: two that differ are refused, the same twice is fine", async () => {
  const { key, identifier } = await setUp();
  const other = newApiKey();
  const reason = (headers: Record<string, string | readonly string[]>): string => {
    const identified = identifier.identify(headers, "127.0.0.1");
    return identified.ok ? "ok" : identified.failure.reason;
  };
  for (const headers of [
    { authorization: [`Bearer ${key}`, `Bearer ${other}`] },
    { authorization: [`Bearer ${key}`, "Basic Zm9vOmJhcg=="] },
    { authorization: `Bearer ${key}, Bearer ${other}` },
    { "x-api-key": [key, other] },
    { "x-api-key": `${key},${other}` },
    { "api-key": `${other}, ${key}` },
    { authorization: [`Bearer ${key}`], "x-api-key": [key, other] },
  ]) {
    assert.equal(reason(headers), "conflicting_credentials", JSON.stringify(headers));
  }
  for (const headers of [
    { authorization: [`Bearer ${key}`, `bearer ${key}`] },
    { authorization: `Bearer ${key}, Bearer ${key}` },
    { "x-api-key": [key, key, ""], "api-key": `${key}, ${key}` },
  ]) {
    assert.equal(reason(headers), "ok", JSON.stringify(headers));
  }
  assert.equal(reason({ authorization: [] }), "missing_api_key");
});

test("a rotated key works for 24 hours more", async () => {
  const { key, record, keys, identifier, pass } = await setUp();
  const rotated = await keys.rotate(record.id, "op");
  assert.ok(rotated.ok);
  const works = (one: string): boolean => identifier.identify({ "x-api-key": one }, "127.0.0.1").ok;
  pass(day - 1);
  assert.deepEqual([works(key), works(rotated.value.key)], [true, true]);
  pass(1);
  assert.deepEqual([works(key), works(rotated.value.key)], [false, true]);
});

test("guessing is slowed by address, and never shuts out a valid key", async () => {
  const { key, identifier, pass } = await setUp();
  const guess = () => identifier.identify({ "x-api-key": newApiKey() }, "10.0.0.1");
  for (let count = 0; count < 60; count += 1) guess();
  assert.deepEqual(guess(), {
    ok: false,
    failure: { reason: "too_many_failed_keys", retryAfterSeconds: 60 },
  });
  assert.ok(identifier.identify({ "x-api-key": key }, "10.0.0.1").ok);
  pass(60_000);
  assert.deepEqual(guess(), { ok: false, failure: { reason: "invalid_api_key" } });
});

test("applications that the config does not name get no key", async () => {
  const { keys } = await setUp();
  const refused = await keys.create("nobody", "op");
  assert.deepEqual(refused, { ok: false, failure: { reason: "unknown_application", application: "nobody" } });
});
