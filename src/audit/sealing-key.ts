// Encryption of what must be erasable: AES-256-GCM under keys made from a subject's data key. What is sealed is bound to
// the place where it stands, so that values cannot be moved.
//
//   place  = label ‖ lp(part) for each part          (lp(x) = 4-byte big-endian length ‖ x)
//   key    = HMAC-SHA256(data key, "portcullis/sealing-key/v1" ‖ series)
//   sealed = 0x01 ‖ series (16 bytes) ‖ nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes), AAD: place
//
//   nonce  = SHA-256(place), its first 8 bytes ‖ count (4 bytes, big-endian)
//
// A series is random and is one process's alone, for as many values as its nonce counts: a nonce is never used twice under
// a key (NIST SP 800-38D §8.2.1), and a key is made once for many values, because that costs more than the encryption. Where
// a machine is set back with its memory, or goes on twice, series and count come again; the place of a value does not.

import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hash,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { SecretValue } from "../core/secret-value.ts";

const format = 0x01;
const seriesBytes = 16;
const nonceBytes = 12;
const countBytes = 4;
const tagBytes = 16;
const nonceAt = 1 + seriesBytes;
const headerBytes = nonceAt + nonceBytes;
const algorithm = "aes-256-gcm";
const keyLabel = "portcullis/sealing-key/v1";

/** Far below what one key may seal, and often enough that a key is not for ever. */
const maxInSeries = 2 ** 24;

/** What is sealed and where it stands; every part is authenticated. */
export interface SealedPlace {
  readonly label: string;
  readonly parts: readonly string[];
}

export class SealingKey {
  readonly #dataKey: SecretValue;
  #series: Series | null = null;

  /** `dataKey`: 32 random bytes. */
  constructor(dataKey: Uint8Array) {
    this.#dataKey = new SecretValue(dataKey);
  }

  seal(place: SealedPlace, plaintext: Uint8Array): Uint8Array {
    const { id, key, count } = this.#next();
    const sealed = Buffer.allocUnsafeSlow(headerBytes + plaintext.length + tagBytes);
    sealed[0] = format;
    sealed.set(id, 1);
    const aad = placeBytes(place);
    sealed.set(hash("sha256", aad, "buffer").subarray(0, nonceBytes - countBytes), nonceAt);
    sealed.writeUInt32BE(count, headerBytes - countBytes);
    const cipher = createCipheriv(algorithm, key, sealed.subarray(nonceAt, headerBytes), {
      authTagLength: tagBytes,
    });
    cipher.setAAD(aad);
    sealed.set(cipher.update(plaintext), headerBytes);
    cipher.final();
    sealed.set(cipher.getAuthTag(), headerBytes + plaintext.length);
    return sealed;
  }

  /** Null when these bytes were not sealed under this key for this place, or were changed. */
  unseal(place: SealedPlace, sealed: Uint8Array): Uint8Array | null {
    if (sealed.length < headerBytes + tagBytes || sealed[0] !== format) return null;
    const key = this.#keyOf(sealed.subarray(1, nonceAt));
    const decipher = createDecipheriv(algorithm, key, sealed.subarray(nonceAt, headerBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(placeBytes(place));
    decipher.setAuthTag(sealed.subarray(-tagBytes));
    const body = decipher.update(sealed.subarray(headerBytes, -tagBytes));
    try {
      return Buffer.concat([body, decipher.final()]);
    } catch {
      return null;
    }
  }

  #next(): Series {
    if (this.#series === null || this.#series.count === maxInSeries) {
      const id = randomBytes(seriesBytes);
      this.#series = { id, key: this.#keyOf(id), count: 0 };
    }
    this.#series.count += 1;
    return this.#series;
  }

  #keyOf(series: Uint8Array): KeyObject {
    return this.#dataKey.useBytes((bytes) =>
      createSecretKey(createHmac("sha256", bytes).update(keyLabel).update(series).digest()),
    );
  }
}

interface Series {
  readonly id: Uint8Array;
  readonly key: KeyObject;
  /** Values sealed in it, which ends the nonce of the newest. */
  count: number;
}

function placeBytes({ label, parts }: SealedPlace): Uint8Array {
  let length = label.length;
  for (const part of parts) length += 4 + 3 * part.length;
  const place = Buffer.allocUnsafe(length);
  let end = place.write(label, 0, "latin1");
  for (const part of parts) {
    const written = place.write(part, end + 4, "utf8");
    end = place.writeUInt32BE(written, end) + written;
  }
  return place.subarray(0, end);
}
