// Configs for the tests of this folder: real files, and their problems in one line each.

import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type LoadedConfig, loadConfig } from "./load.ts";

/** A folder that goes when the test ends. */
export function temporaryFolder(t: TestContext): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "portcullis-config-")));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function configFile(t: TestContext, content: string | Uint8Array): string {
  const file = join(temporaryFolder(t), "portcullis.yaml");
  writeFileSync(file, content);
  return file;
}

export async function loaded(t: TestContext, content: string | Uint8Array): Promise<LoadedConfig> {
  const result = await loadConfig(configFile(t, content));
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

/** Each as `LINE PATH: MESSAGE`, in the order in which they are told. */
export async function problemsOf(t: TestContext, content: string | Uint8Array): Promise<readonly string[]> {
  return await problemsOfFile(configFile(t, content));
}

export async function problemsOfFile(file: string): Promise<readonly string[]> {
  const result = await loadConfig(file);
  assert.ok(!result.ok, "the config must be refused");
  return result.failure.map(({ line, path, message }) => `${line ?? "-"} ${path}: ${message}`);
}
