// The keys that the trail needs on disk, each in a file of its own that only the gateway's user can read.

import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { formatSignerKey, type NoteSigner, parseSignerKey } from "portcullis-verify/log/signed-note.ts";
import { OperatorError } from "../core/operator-error.ts";
import { openOwnKeyFile } from "../core/own-key-file.ts";
import { SecretValue } from "../core/secret-value.ts";

export const logKeyFile = "log.key";
export const subjectLookupKeyFile = "subject-lookup.key";

export interface KeyFileOptions {
  /** Folder of the keys, created (0700) when missing. Not in the data folder, so that a copy of the data holds no key. */
  readonly folder: string;
  /** False once there is a log or data that the key belongs to: then a missing file is refused and never replaced. */
  readonly mayCreate: boolean;
}

/**
 * The log's Ed25519 key, in the form of Go's sumdb/note. The log is called `origin`; null where there is no log yet: then
 * it is called as the key that a first start left when it was killed, or else by a new name. Throws `OperatorError` when
 * the file is missing and may not be created, can be read by others, is no key, or is the key of another log.
 */
export async function openLogKey(origin: string | null, options: KeyFileOptions): Promise<NoteSigner> {
  const path = join(options.folder, logKeyFile);
  const text = await openKeyFile(path, options, () =>
    formatSignerKey(origin ?? newOrigin(), randomBytes(32)),
  );
  const signer = parseSignerKey(text);
  if (!signer.ok)
    throw new OperatorError(`\`${path}\` is no log key: ${signer.failure}; restore it from your backup`);
  if (origin !== null && signer.value.name !== origin) {
    throw new OperatorError(
      `\`${path}\` is the key of the log \`${signer.value.name}\`, not of \`${origin}\`; restore the right key or set the origin back`,
    );
  }
  return signer.value;
}

function newOrigin(): string {
  return `localhost/portcullis-${randomUUID().slice(0, 8)}`;
}

/** 32 bytes under which names find their pseudonyms. Throws `OperatorError` as `openLogKey` does. */
export async function openSubjectLookupKey(options: KeyFileOptions): Promise<SecretValue> {
  const path = join(options.folder, subjectLookupKeyFile);
  const text = await openKeyFile(path, options, () => randomBytes(32).toString("base64"));
  const key = Buffer.from(text, "base64");
  if (key.length !== 32)
    throw new OperatorError(`\`${path}\` is no 32-byte key in base64; restore it from your backup`);
  return new SecretValue(key);
}

function openKeyFile(path: string, { mayCreate }: KeyFileOptions, create: () => string): Promise<string> {
  return openOwnKeyFile(path, mayCreate ? create : null);
}
