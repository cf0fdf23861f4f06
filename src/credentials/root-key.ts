// The root key: random bytes that the data store keeps wrapped under the key-encryption key. Unwrapping them at start shows
// that this is the key that everything was sealed under, before a wrong one seals or serves anything. Keys that guard the
// data against changes are derived from it, so they need no file of their own and outlive a change of the key-encryption key.
//
//   kept = length of the key id (1 byte) ‖ key id ‖ wrap( "portcullis/root-key/v1" ‖ 32 random bytes )

import { hkdfSync, randomBytes } from "node:crypto";
import { OperatorError } from "../core/operator-error.ts";
import { SecretValue } from "../core/secret-value.ts";
import type { KeyEncryptionKey } from "./kek.ts";
import type { KeyCheckStore } from "./key-check-store.ts";

const checkName = "root-key";
const label = Buffer.from("portcullis/root-key/v1");
const keyBytes = 32;

export class RootKey {
  readonly #key: SecretValue;

  constructor(key: SecretValue) {
    this.#key = key;
  }

  /** 32 bytes for one purpose, which say nothing of those for another: HKDF-SHA256 with the purpose as `info`. */
  derive(purpose: string): SecretValue {
    return this.#key.useBytes(
      (key) => new SecretValue(new Uint8Array(hkdfSync("sha256", key, "", purpose, keyBytes))),
    );
  }
}

/**
 * Makes the root key on first start (`mayCreate`). Throws `OperatorError` when `kek` is not the key that the data was
 * sealed under, and when data that must have a root key has none.
 */
export async function openRootKey(
  kek: KeyEncryptionKey,
  store: KeyCheckStore,
  mayCreate: boolean,
): Promise<RootKey> {
  let kept = await store.keyCheck(checkName);
  if (kept === null && mayCreate) kept = await store.ensureKeyCheck(checkName, newRootKey(kek));
  if (kept === null) {
    // Never made anew where there is data: whoever removed it could then have the data go on under a key of theirs.
    throw new OperatorError(
      "the data store has lost what its key-encryption key is checked against; restore the data store from its backup",
    );
  }
  return new RootKey(unwrapped(kek, Buffer.from(kept)));
}

function newRootKey(kek: KeyEncryptionKey): Uint8Array {
  const keyId = Buffer.from(kek.keyId);
  const wrapped = kek.wrap(Buffer.concat([label, randomBytes(keyBytes)]));
  return Buffer.concat([Buffer.from([keyId.length]), keyId, wrapped]);
}

function unwrapped(kek: KeyEncryptionKey, kept: Buffer): SecretValue {
  const end = 1 + (kept[0] ?? 0);
  const keyId = kept.toString("latin1", 1, end);
  if (keyId !== kek.keyId && /^[0-9a-f]{16}$/.test(keyId)) {
    throw new OperatorError(
      `the key-encryption key in ${kek.place} is not the one that this data was sealed under: it is \`${kek.keyId}\`, and the data needs \`${keyId}\`; put that one back from its backup, or restore the data that belongs to this one`,
    );
  }
  const opened = keyId === kek.keyId ? unwrappedBytes(kek, kept.subarray(end)) : null;
  if (opened?.length === label.length + keyBytes && opened.subarray(0, label.length).equals(label)) {
    return new SecretValue(opened.subarray(label.length));
  }
  throw new OperatorError(
    `what the key-encryption key in ${kek.place} is checked against does not open: it was changed in the data store; restore the data store from its backup`,
  );
}

function unwrappedBytes(kek: KeyEncryptionKey, wrapped: Uint8Array): Buffer | null {
  try {
    return Buffer.from(kek.unwrap(wrapped));
  } catch {
    return null;
  }
}
