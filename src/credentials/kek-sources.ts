// The places that a key-encryption key can come from. Each gives a key that is surely one, or nothing, or says what is wrong
// with it: a key that is a little wrong would seal what nobody can open again.

import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { hasErrorCode } from "../core/durable-file.ts";
import { OperatorError } from "../core/operator-error.ts";

export interface FoundKek {
  readonly key: Uint8Array;
  /** Where it was found, as a person would look for it. */
  readonly place: string;
}

const variable = "PORTCULLIS_KEK";
const credential = "portcullis-kek";

/**
 * From the variable `PORTCULLIS_KEK`, which is removed even when it holds no key: connectors and whatever else is started
 * later inherit the environment. An empty one is refused, because somebody meant to give a key.
 */
export function takeKekVariable(environment: NodeJS.ProcessEnv): FoundKek | null {
  const text = environment[variable];
  if (text === undefined) return null;
  Reflect.deleteProperty(environment, variable);
  return { key: parseKey(text, variable), place: variable };
}

/**
 * From `$CREDENTIALS_DIRECTORY/portcullis-kek`. Its mode is not looked at: the service manager keeps the folder from others,
 * and shows its access list as group bits.
 */
export async function readKekCredential(environment: NodeJS.ProcessEnv): Promise<FoundKek | null> {
  const folder = environment["CREDENTIALS_DIRECTORY"] ?? "";
  if (folder === "") return null;
  if (!isAbsolute(folder)) {
    throw new OperatorError("`CREDENTIALS_DIRECTORY` must be an absolute path; set it as systemd does");
  }
  return await readKey(join(folder, credential), async () => {});
}

/** From a file that nobody but its owner may read, in a folder where nobody else may put another in its place. */
export async function readKekFile(path: string): Promise<FoundKek | null> {
  return await readKey(path, async (file) => {
    // Refused and not repaired: whoever could read or replace it may have done so, which a person has to judge.
    if (((await file.stat()).mode & 0o077) !== 0) {
      throw new OperatorError(
        `\`${path}\` can be read by others; run \`chmod 600 ${path}\`, and set new secrets if anybody may have read it`,
      );
    }
    const folder = dirname(path);
    if (((await stat(folder)).mode & 0o022) !== 0) {
      throw new OperatorError(`\`${folder}\` can be written by others; run \`chmod 700 ${folder}\``);
    }
  });
}

/** The check is made on the open file, so it is about the very bytes that are read. */
async function readKey(path: string, check: (file: FileHandle) => Promise<void>): Promise<FoundKek | null> {
  let file: FileHandle | null = null;
  try {
    file = await open(path, "r");
    await check(file);
    return { key: parseKey(await file.readFile("utf8"), path), place: path };
  } catch (fault) {
    if (hasErrorCode(fault, "ENOENT")) return null;
    if (!(fault instanceof Error && "code" in fault)) throw fault;
    throw new OperatorError(
      `\`${path}\` cannot be read (${String(fault.code)}); it must be a file with a key`,
    );
  } finally {
    await file?.close();
  }
}

/** Strict, because Node's own decoding leaves out what it does not know, and a damaged key would pass for another one. */
function parseKey(written: string, place: string): Uint8Array {
  const text = written.trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, "hex");
  if (/^[\w+/-]{43}=?$/.test(text) && !/[+/].*[_-]|[_-].*[+/]/.test(text)) return Buffer.from(text, "base64");
  const found = text === "" ? "is empty" : "is not 32 bytes in base64 or hexadecimal digits";
  throw new OperatorError(
    `the key-encryption key in \`${place}\` ${found}; put it back from its backup, or take it away if it was never used`,
  );
}
