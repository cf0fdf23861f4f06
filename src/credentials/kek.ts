// The key-encryption key: it wraps every data key, and lies outside the data folder so that a copy of the data alone
// opens nothing.

import { createCipheriv, createDecipheriv, hash, randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createFile } from "../core/durable-file.ts";
import { OperatorError } from "../core/operator-error.ts";
import { readKekCredential, readKekFile, takeKekVariable } from "./kek-sources.ts";

const algorithm = "aes-256-gcm";
const ivBytes = 12;
const tagBytes = 16;

export class KeyEncryptionKey {
  readonly #key: Buffer;
  /** Names the key without telling it: first 16 hex digits of a hash of it. */
  readonly keyId: string;
  /** Where it was found, in words for a message. */
  readonly place: string;

  constructor(key: Uint8Array, place = "memory") {
    if (key.length !== 32) throw new OperatorError("the key-encryption key must be 32 bytes");
    this.#key = Buffer.from(key);
    this.place = place;
    this.keyId = hash("sha256", Buffer.concat([Buffer.from("portcullis kek id"), this.#key]), "hex").slice(
      0,
      16,
    );
  }

  wrap(bytes: Uint8Array): Uint8Array {
    return seal(this.#key, bytes, this.keyId);
  }

  /** Throws when the bytes were wrapped under another key or changed since. */
  unwrap(wrapped: Uint8Array): Uint8Array {
    return unseal(this.#key, wrapped, this.keyId);
  }
}

/** IV, ciphertext and tag, bound to `context`. */
export function seal(key: Uint8Array, plaintext: Uint8Array, context: string): Uint8Array {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv(algorithm, key, iv);
  cipher.setAAD(Buffer.from(context, "utf8"));
  return Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Throws when key, bytes or context are not those of `seal`. */
export function unseal(key: Uint8Array, sealed: Uint8Array, context: string): Uint8Array {
  const bytes = Buffer.from(sealed);
  const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(context, "utf8"));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  return Buffer.concat([decipher.update(bytes.subarray(ivBytes, -tagBytes)), decipher.final()]);
}

/**
 * From `$CREDENTIALS_DIRECTORY/portcullis-kek` (systemd), the variable `PORTCULLIS_KEK` (removed from `environment`, and
 * `warn` is told) or the file `kek` in the keys folder, which is made on first start (`mayCreate`) when there is no other.
 * Throws `OperatorError` when two of them differ. A missing key is never replaced silently: what it wrapped would be lost.
 */
export async function openKek(
  keysFolder: string,
  mayCreate: boolean,
  environment: NodeJS.ProcessEnv,
  warn: (message: string) => void = () => {},
): Promise<KeyEncryptionKey> {
  const path = join(keysFolder, "kek");
  // First, so that it is gone whatever happens next.
  const variable = takeKekVariable(environment);
  const credential = await readKekCredential(environment);
  if (mayCreate && variable === null && credential === null) {
    await mkdir(keysFolder, { recursive: true, mode: 0o700 });
    // Durable before it seals anything: a key lost with the power would take every secret with it.
    await createFile(path, `${randomBytes(32).toString("base64")}\n`, 0o600);
  }
  const file = await readKekFile(path);
  const [found, ...others] = [credential, variable, file].filter((one) => one !== null);
  if (found === undefined) {
    throw new OperatorError(`the key-encryption key \`${path}\` is missing; put it back from its backup`);
  }
  const kek = new KeyEncryptionKey(found.key, `\`${found.place}\``);
  for (const other of others) {
    if (new KeyEncryptionKey(other.key).keyId === kek.keyId) continue;
    throw new OperatorError(
      `\`${found.place}\` and \`${other.place}\` hold different keys; keep the one that the secrets were sealed under`,
    );
  }
  if (variable !== null) warn(variableWarning(path));
  return kek;
}

function variableWarning(path: string): string {
  return `the key-encryption key was given in the variable \`PORTCULLIS_KEK\`, which the system shows to others of this user (/proc/PID/environ) until the gateway ends; hand it over as \`$CREDENTIALS_DIRECTORY/portcullis-kek\`, or write it to \`${path}\` with mode 0600`;
}
