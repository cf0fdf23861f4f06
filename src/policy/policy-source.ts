// Reading the policy folder: a bounded, stable snapshot of its .cedar files.

import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fail, ok, type Result } from "../core/result.ts";
import { type PolicyProblem, problemAt } from "./problem.ts";

export interface PolicyFile {
  /** Relative to the folder, with `/`. */
  readonly name: string;
  readonly text: string;
}

type Problems = readonly PolicyProblem[];

const maxFiles = 2000;
const maxBytes = 16 * 1024 * 1024;
const maxEntries = 20_000;
const maxAttempts = 5;
const settleMs = 50;

/**
 * The folder's .cedar files, sorted by name, as they stood at one moment. Files and folders that begin with `.` are
 * left out; a link counts when what it names lies in the folder.
 */
export async function readPolicyFolder(folder: string): Promise<Result<readonly PolicyFile[], Problems>> {
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const found = await findFiles(folder);
    const files = found.ok ? await readFiles(found.value) : found;
    if (signatureOf(found) === (await folderSignature(folder))) return files;
    await setTimeout(settleMs);
  }
  return refused(
    ".",
    `the policy folder \`${folder}\` keeps changing while it is read`,
    "try again when it is at rest",
  );
}

/** Changes when any policy file is added, removed or written; an unreadable folder has one too. */
export async function folderSignature(folder: string): Promise<string> {
  return signatureOf(await findFiles(folder));
}

interface FoundFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** Identity, size and times. */
  readonly state: string;
}

function signatureOf(found: Result<readonly FoundFile[], Problems>): string {
  if (!found.ok) return JSON.stringify(found.failure);
  return found.value.map(({ name, state }) => `${name}\0${state}`).join("\n");
}

async function findFiles(folder: string): Promise<Result<readonly FoundFile[], Problems>> {
  try {
    const root = await realpath(folder).catch(() => null);
    if (root === null) return refused(".", `there is no policy folder \`${folder}\``, writeOne);
    const search: Search = { root, entries: 0, files: [] };
    const refusal = await findIn(search, "");
    if (refusal !== null) return refusal;
    const { files } = search;
    if (files.length === 0) {
      return refused(".", `the policy folder \`${folder}\` has no .cedar file`, writeOne);
    }
    if (files.length > maxFiles || files.reduce((sum, file) => sum + file.bytes, 0) > maxBytes) {
      return refused(
        ".",
        `the policy folder holds more than ${maxFiles} policy files or ${maxBytes} bytes`,
        outside,
      );
    }
    return ok(files.sort((one, other) => (one.name < other.name ? -1 : 1)));
  } catch (fault) {
    return refused(
      ".",
      `the policy folder \`${folder}\` cannot be read: ${messageOf(fault)}`,
      "check its permissions",
    );
  }
}

const writeOne = "create it and put a policy in it; without one nothing is permitted";
const outside = "keep what is not policy outside of it";

interface Search {
  readonly root: string;
  readonly files: FoundFile[];
  entries: number;
}

async function findIn(search: Search, under: string): Promise<{ ok: false; failure: Problems } | null> {
  for (const entry of await readdir(join(search.root, under), { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    search.entries += 1;
    if (search.entries > maxEntries) {
      return refused(".", `the policy folder holds more than ${maxEntries} files and folders`, outside);
    }
    const name = under === "" ? entry.name : `${under}/${entry.name}`;
    if (entry.isDirectory()) {
      const refusal = await findIn(search, name);
      if (refusal !== null) return refusal;
      continue;
    }
    const found = await describeFile(search.root, name, entry.isSymbolicLink());
    if (!found.ok) return found;
    if (found.value !== null) search.files.push(found.value);
  }
  return null;
}

async function describeFile(
  root: string,
  name: string,
  isLink: boolean,
): Promise<Result<FoundFile | null, Problems>> {
  const isPolicy = name.toLowerCase().endsWith(".cedar");
  if (!isPolicy && !isLink) return ok(null);
  const path = join(root, name);
  const target = isLink ? await realpath(path).catch(() => null) : path;
  if (target === null) return isPolicy ? refused(name, "the link leads nowhere", "remove it") : ok(null);
  const state = await stat(target, { bigint: true });
  if (isLink && state.isDirectory()) {
    return refused(
      name,
      "a link to a folder, whose policies would not be loaded",
      "put the folder itself here",
    );
  }
  if (!isPolicy) return ok(null);
  if (!target.startsWith(root + sep)) {
    return refused(name, "the link leads out of the policy folder", "put the file itself here");
  }
  if (!state.isFile()) return refused(name, "not a plain file", "remove it");
  const { ino, size, mtimeNs, ctimeNs } = state;
  return ok({ name, path: target, bytes: Number(size), state: `${ino} ${size} ${mtimeNs} ${ctimeNs}` });
}

async function readFiles(found: readonly FoundFile[]): Promise<Result<readonly PolicyFile[], Problems>> {
  const files: PolicyFile[] = [];
  for (const { name, path } of found) {
    const bytes = await readFile(path).catch(() => null);
    if (bytes === null) return refused(name, "the file cannot be read", "check its permissions");
    try {
      files.push({ name, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) });
    } catch {
      return refused(name, "the file is not UTF-8", "save it as UTF-8");
    }
  }
  return ok(files);
}

function refused(file: string, message: string, help: string): { ok: false; failure: Problems } {
  return fail<Problems>([problemAt(file, "", null, message, help)]);
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
