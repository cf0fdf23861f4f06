import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import pino from "pino";
import { loadConfig } from "../config/load.ts";
import type { EmbeddedSecretStore } from "../credentials/embedded-secret-store.ts";
import { Egress } from "../egress/egress.ts";
import type { ActivePolicies } from "../policy/active-policies.ts";
import type { PolicyWorld } from "../policy/world.ts";
import { ConfigInForce } from "./config-in-force.ts";
import { configuredParts } from "./configured-parts.ts";

test("a config that cannot be recorded leaves the policies on the old one's names too", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-config-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "portcullis.yaml");
  const load = async (application: string) => {
    writeFileSync(file, `providers: { demo: { type: demo } }\napplications: [{ name: ${application} }]\n`);
    const loaded = await loadConfig(file);
    assert.ok(loaded.ok);
    return loaded.value;
  };
  const first = await load("one");
  // Nothing here opens a secret: the only provider is the demo.
  const secrets: Pick<EmbeddedSecretStore, "get"> = { get: () => assert.fail("no secret is asked for") };
  const useNote = { endKept: false, end: () => assert.fail("no provider is used") };
  const worlds: (readonly string[])[] = [];
  const policies: Pick<ActivePolicies, "reload"> = {
    reload: async (world?: PolicyWorld) => {
      worlds.push(world?.applications.map(({ name }) => name) ?? []);
      return { ok: true, value: "revision" };
    },
  };
  const lines: string[] = [];
  const inForce: string[] = [];
  const config = new ConfigInForce({
    loaded: first,
    configured: configuredParts(
      first.config,
      secrets,
      new Egress({ proxy: null, authorities: null }),
      useNote,
    ),
    secrets,
    useNote,
    policies,
    log: pino({ base: null }, { write: (line: string) => void lines.push(line) }),
    record: () => Promise.reject(new Error("the disk is full")),
    putInForce: async ({ parts }) => void inForce.push(...parts.applications.keys()),
  });
  await config.replace(await load("two"));
  assert.deepEqual(worlds, [["two"], ["one"]]);
  assert.deepEqual(inForce, []);
  assert.match(lines.join(""), /could not be put in force/);
  await config.close();
});
