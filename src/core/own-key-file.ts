// Files that hold a key, each of which only the user that runs the program can read.

import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { createFile, readTextFile } from "./durable-file.ts";
import { OperatorError } from "./operator-error.ts";

/**
 * The text of the file, without the newline at its end. `create` makes it where it may be missing; null where what it
 * belongs to exists. Throws `OperatorError` when it is missing all the same, or can be read by others.
 */
export async function openOwnKeyFile(path: string, create: (() => string) | null): Promise<string> {
  if (create !== null) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    if ((await readTextFile(path)) === null) await createFile(path, `${create()}\n`, 0o600);
  }
  const text = await readTextFile(path);
  if (text === null) {
    throw new OperatorError(
      `\`${path}\` is missing, and what it belongs to exists; restore it from your backup`,
    );
  }
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0)
    throw new OperatorError(`\`${path}\` can be read by others; run \`chmod 600 ${path}\``);
  return text.trimEnd();
}
