// Encryption of what must be erasable: AES-256-GCM under a key made for the one place where the value stands, so that
// neither nonces run out nor values can be moved.
//
//   place  = label ‖ lp(part) for each part          (lp(x) = 4-byte big-endian length ‖ x)
//   key    = HMAC-SHA256(data key, place)
//   sealed = 0x01 ‖ nonce (12 random bytes) ‖ ciphertext ‖ tag (16 bytes), AAD: place

import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from "node:crypto";

const format = 0x01;
const nonceBytes = 12;
const tagBytes = 16;
const headerBytes = 1 + nonceBytes;

/** What is sealed and where it stands; every part is authenticated. */
export interface SealedPlace {
  readonly label: string;
  readonly parts: readonly string[];
}

export function seal(dataKey: Uint8Array, place: SealedPlace, plaintext: Uint8Array): Uint8Array {
  const aad = placeBytes(place);
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", placeKey(dataKey, aad), nonce, { authTagLength: tagBytes });
  cipher.setAAD(aad);
  const body = cipher.update(plaintext);
  return Buffer.concat([Buffer.from([format]), nonce, body, cipher.final(), cipher.getAuthTag()]);
}

/** Null when these bytes were not sealed under this key for this place, or were changed. */
export function unseal(dataKey: Uint8Array, place: SealedPlace, sealed: Uint8Array): Uint8Array | null {
  if (sealed.length < headerBytes + tagBytes || sealed[0] !== format) return null;
  const aad = placeBytes(place);
  const nonce = sealed.subarray(1, headerBytes);
  const decipher = createDecipheriv("aes-256-gcm", placeKey(dataKey, aad), nonce, {
    authTagLength: tagBytes,
  });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  const body = decipher.update(sealed.subarray(headerBytes, -tagBytes));
  try {
    return Buffer.concat([body, decipher.final()]);
  } catch {
    return null;
  }
}

// Key objects: handed raw bytes, Node finds out by an exception that they are none, which costs more than the encryption.
function placeKey(dataKey: Uint8Array, place: Uint8Array): KeyObject {
  return createSecretKey(createHmac("sha256", createSecretKey(dataKey)).update(place).digest());
}

function placeBytes(place: SealedPlace): Uint8Array {
  const parts = place.parts.flatMap((part) => {
    const bytes = Buffer.from(part);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return [length, bytes];
  });
  return Buffer.concat([Buffer.from(place.label), ...parts]);
}
