// The admin API alone, on real HTTP and real storage, in the test's own process: so that a test can put on record what
// no client can make a gateway do, and tamper with what is kept.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import Fastify from "fastify";
import { commitment } from "portcullis-verify/leaves/commitment.ts";
import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import { noteSigner } from "portcullis-verify/log/signed-note.ts";
import { DataKeys } from "../../src/audit/data-keys.ts";
import { Payloads } from "../../src/audit/payloads.ts";
import { Subjects } from "../../src/audit/subjects.ts";
import { Trail } from "../../src/audit/trail.ts";
import { newId } from "../../src/core/id.ts";
import { SecretValue } from "../../src/core/secret-value.ts";
import { EmbeddedSecretStore } from "../../src/credentials/embedded-secret-store.ts";
import { KeyEncryptionKey } from "../../src/credentials/kek.ts";
import { openRootKey } from "../../src/credentials/root-key.ts";
import { adminApi } from "../../src/http/admin-api.ts";
import { ApiKeys } from "../../src/identity/api-keys.ts";
import { openKeyGuard } from "../../src/identity/key-guard.ts";
import type { DecisionPoint } from "../../src/policy/decision.ts";
import { openSqliteStorage } from "../../src/storage/sqlite/open.ts";
import { standingCounters } from "../../src/usage/standing-counters.ts";
import { UsageProjection } from "../../src/usage/usage-projection.ts";
import { adminServices } from "../../src/wiring/admin-services.ts";
import { configuredSubjects } from "../../src/wiring/counting.ts";
import { idleDesk } from "../../src/wiring/idle-desk.test-support.ts";
import { openOperators } from "../../src/wiring/tokens.ts";
import { trailEvents } from "../../src/wiring/trail-events.ts";
import { testFolder } from "./test-gateway.ts";

export const token = "pco_bench";

const policies: DecisionPoint = {
  counters: [],
  revision: "0".repeat(64),
  decide: () => {
    throw new Error("nothing is decided here");
  },
};

/** Whom the config lists. */
const people = {
  groups: { finance: ["ana@example.com", "ben@example.com"], operators: ["owner@localhost"] },
  sign_offs: {
    default: { approvers: ["group:operators"], quorum: 1, decide_within: 1, use_within: 1 },
    payments: { approvers: ["group:finance", "eve@example.com"], quorum: 2, decide_within: 1, use_within: 1 },
  },
};

/** Of the calls that are recorded here. */
const applications = new Map([["billing", { groups: ["staff"] }]]);

export type AdminBench = Awaited<ReturnType<typeof adminBench>>;

export async function adminBench(t: Pick<TestContext, "after">) {
  const folder = testFolder();
  const storage = openSqliteStorage(join(folder, "data"));
  const clock = { time: Date.parse("2026-01-05T00:00:00.000Z"), now: () => clock.time };
  const trailFaults: string[] = [];
  const trail = await Trail.open({
    store: storage.log,
    signer: noteSigner("gate.example/log", Buffer.alloc(32, 7)),
    headFile: join(folder, "checkpoint"),
    instance: "inst_1",
    version: "0.1.0",
    clock,
    onFault: (fault) => trailFaults.push(fault.error.message),
  });
  const kek = new KeyEncryptionKey(randomBytes(32));
  const dataKeys = new DataKeys(storage.payloads, kek);
  const lookupKey = new SecretValue(randomBytes(32));
  const subjects = new Subjects({ store: storage.payloads, dataKeys, lookupKey, clock });
  const payloads = new Payloads({
    store: storage.payloads,
    dataKeys,
    onLost: (lost) => {
      throw new Error(lost.reason);
    },
  });
  const events = trailEvents(trail, subjects);
  const usage = new UsageProjection(storage.log, storage.usage);
  const faults: Error[] = [];
  const routes: { readonly method: string; readonly url: string }[] = [];
  const app = Fastify();
  app.addHook("onRoute", ({ method, url, schema }) => {
    // What only says that a method is none.
    if (schema?.hide === true) return;
    for (const one of [method].flat()) routes.push({ method: one, url });
  });
  const known = await openOperators({
    storage,
    subjects,
    events,
    rootKey: { derive: () => new SecretValue(Buffer.alloc(32, 3)) },
    keysFolder: folder,
    config: () => people,
    log: {
      error: ({ token: id }: { readonly token: string }) => void faults.push(new Error(`${id} is damaged`)),
    },
  });
  const current = { is: true };
  const rootKey = await openRootKey(kek, storage.payloads, true);
  const services = adminServices({
    ...idleDesk({ store: storage.approvals, trail, subjects, dataKeys, rootKey, log: storage.log }),
    keys: await ApiKeys.open(storage.keys, events.keys, new Set(["assistant"]), () => Date.now(), {
      guard: await openKeyGuard(new SecretValue(Buffer.alloc(32, 3)), join(folder, "api-key-ends.json")),
      onDamaged: ({ id }) => faults.push(new Error(`${id} is damaged`)),
    }),
    secrets: new EmbeddedSecretStore(storage.secrets, kek, events.secrets, () => Date.now()),
    log: storage.log,
    trail,
    usage,
    usageStore: storage.usage,
    standing: () => standingCounters(storage.counters, configuredSubjects(applications), clock.now()),
    policies,
    revisions: storage.revisions,
    payloads,
    onFault: (fault) => faults.push(fault),
    operators: {
      known,
      operatorHolder: { file: { url: "", token, operator: "owner@localhost" } },
      current: () => current.is,
    },
  });
  await app.register(adminApi(services), { prefix: "/api" });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  t.after(async () => {
    await app.close();
    await trail.close();
    await storage.close();
    await rm(folder, { recursive: true });
    assert.deepEqual(trailFaults, []);
  });
  return {
    folder,
    url,
    storage,
    trail,
    clock,
    subjects,
    payloads,
    faults,
    routes,
    /** Whether what others have changed is known. */
    current,
    /** What the trail is to complain of in the end. */
    /** What a driver never does: anything to the database behind the gateway's back. */
    tamper: (sql: string, ...values: readonly (string | number | Uint8Array)[]): void => {
      const database = new DatabaseSync(join(folder, "data", "portcullis.db"), { timeout: 5_000 });
      database.prepare(sql).run(...values);
      database.close();
    },
  };
}

/** A call that began at the bench's time, with entries that commit to these payloads, which are kept. */
export async function recordCall(
  bench: Pick<AdminBench, "trail" | "clock" | "subjects" | "payloads">,
  kept: { readonly request: string; readonly source_address: string },
): Promise<string> {
  const call = newId("call", bench.clock.time);
  const subject = await bench.subjects.applicationId("assistant");
  const salt = bench.trail.newSalt(subject);
  const digest = await crypto.subtle.digest("SHA-256", Buffer.from(kept.request));
  const decided = bench.trail.encode(
    {
      ...leafSamples["call.decided"],
      call,
      request: commitment(salt.bytes, "call.decided", "request", new Uint8Array(digest)),
      source_address: commitment(salt.bytes, "call.decided", "source_address", kept.source_address),
    },
    salt,
  );
  bench.payloads.keep(decided.id, subject, {
    request: Buffer.from(kept.request),
    source_address: Buffer.from(kept.source_address),
  });
  await bench.trail.append([decided]);
  await bench.trail.append([
    bench.trail.encode({ ...leafSamples["call.completed"], call, response: null }, null),
  ]);
  await bench.payloads.flush();
  return call;
}

export function asOperator(url: string, operatorToken = token) {
  return async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${url}/api${path}`, {
      method,
      headers: {
        authorization: `Bearer ${operatorToken}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: JSON.parse(text) };
  };
}
