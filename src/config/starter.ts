// What `init` and `up` write into an empty folder. Nothing that exists is ever overwritten, and each thing appears whole,
// so that a start that was killed half-way is finished by the next.

import { randomUUID } from "node:crypto";
import { lstat, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { createFile, hasErrorCode, readTextFile } from "../core/durable-file.ts";
import { OperatorError } from "../core/operator-error.ts";

/**
 * Returns what was made, relative to the folder. `policiesSource` holds the starter policies of the package and their tests. Throws
 * `OperatorError` when the folder cannot be written.
 */
export async function writeStarter(folder: string, policiesSource: string): Promise<readonly string[]> {
  try {
    await mkdir(folder, { recursive: true });
    const made: string[] = [];
    const fresh = !(await exists(join(folder, "portcullis.yaml")));
    if (await writePolicies(join(folder, "policies"), policiesSource, fresh)) made.push("policies/");
    if (await createNew(join(folder, ".gitignore"), "/data/\n/keys/\n")) made.push(".gitignore");
    // Last, because it is what says that a folder has been started.
    if (await createNew(join(folder, "portcullis.yaml"), starterConfig)) made.push("portcullis.yaml");
    return made;
  } catch (fault) {
    if (!(fault instanceof Error && "code" in fault)) throw fault;
    const code = String(fault.code);
    throw new OperatorError(
      `\`${folder}\` cannot take the starter files (${code}); name a folder that this user may write`,
    );
  }
}

/**
 * A folder that exists is left as it is, an empty one too: that may be somebody's wish that nothing be permitted. Only before
 * there is a config it can be what a mount or a killed start has left.
 */
async function writePolicies(folder: string, source: string, fresh: boolean): Promise<boolean> {
  const starter = await readPolicies(source);
  if (!(await exists(folder))) return makeWhole(folder, starter);
  if (!fresh || !(await holdsOnly(folder, starter))) return false;
  let made = false;
  for (const [name, text] of starter) if (await createNew(join(folder, name), text)) made = true;
  return made;
}

type Files = ReadonlyMap<string, string>;

async function readPolicies(source: string): Promise<Files> {
  const files = new Map<string, string>();
  for (const name of (await readdir(source)).filter((one) => /\.(?:cedar|test\.yaml)$/.test(one))) {
    files.set(name, await readFile(join(source, name), "utf8"));
  }
  return files;
}

/** Written aside and renamed: with some policies only, a folder could permit what a missing one forbids. */
async function makeWhole(folder: string, files: Files): Promise<boolean> {
  const aside = `${folder}.${randomUUID()}.tmp`;
  await mkdir(aside);
  try {
    for (const [name, text] of files) await createFile(join(aside, name), text, 0o644);
    await rename(aside, folder);
    return true;
  } catch (fault) {
    await rm(aside, { recursive: true, force: true });
    // Another start was faster.
    if (hasErrorCode(fault, "ENOTEMPTY") || hasErrorCode(fault, "EEXIST")) return false;
    throw fault;
  }
}

/** Whether everything in the folder is what we would have written there. */
async function holdsOnly(folder: string, files: Files): Promise<boolean> {
  for (const name of await readdir(folder)) {
    // Left by a write that was killed.
    if (name.endsWith(".tmp")) continue;
    const text = files.get(name);
    if (text === undefined || (await readTextFile(join(folder, name))) !== text) return false;
  }
  return true;
}

/** Asks first: where everything is there already, a folder may be read-only. */
async function createNew(path: string, text: string): Promise<boolean> {
  return !(await exists(path)) && (await createFile(path, text, 0o644));
}

/** Links count, also those that lead nowhere. */
async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (fault) {
    if (hasErrorCode(fault, "ENOENT")) return false;
    throw fault;
  }
}

const starterConfig = `# Portcullis. Every key and its meaning: docs/config.md of the package.

server:
  listen: 127.0.0.1:8787

# Where models come from. \`demo\` is built in and calls nobody.
providers:
  demo:
    type: demo
  # A real one: uncomment, then \`portcullis secrets set providers/openai\`.
  # openai:
  #   type: openai
  #   base_url: https://api.openai.com/v1
  #   api_key: secret://providers/openai

# Names that clients may use in place of PROVIDER/MODEL; targets are tried in order.
models:
  - name: fast
    targets:
      - demo/assistant

groups:
  operators:
    - owner@localhost

# What policies can ask for before something changes state.
sign_offs:
  default:
    approvers:
      - group:operators
    quorum: 1

# What the tools do that your clients run themselves. A tool that is not listed counts as \`write\`.
tools:
  send_email:
    effect: write

applications:
  - name: assistant
`;
