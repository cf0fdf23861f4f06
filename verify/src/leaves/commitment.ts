// Commitments to payload fields: a leaf names a value without showing it, and erasing the salt unlinks them for good.
//
// Anyone who holds an entry's salt, or the salt of one field, can recompute one. With lp(x) = 4-byte big-endian length
// of x ‖ x, text in UTF-8, and every label in ASCII without a terminator:
//
//   field salt = SHA-256( "portcullis/field-salt/v1" ‖ entry salt (32 bytes) ‖ lp(domain) ‖ lp(field) )
//   commitment = HMAC-SHA256( key: field salt, "portcullis/commitment/v1" ‖ lp(domain) ‖ lp(field) ‖ lp(value) ), lowercase hex
//
// The domain is the leaf's type, the field its name in the leaf. Bodies and tool arguments are committed to by their
// SHA-256 (32 raw bytes as the value), texts as they are. Disclosing a field's salt says nothing of the entry's other
// fields.

import { hash, randomFillSync } from "node:crypto";

export const saltBytes = 32;

const saltLabel = Buffer.from("portcullis/field-salt/v1");
const commitmentLabel = Buffer.from("portcullis/commitment/v1");

const poolBytes = 256 * saltBytes;
let pool = Buffer.alloc(0);
let used = 0;

/** 32 random bytes. Randomness is drawn in blocks, because each draw costs more than the rest of a commitment. */
export function newSalt(): Uint8Array {
  if (used + saltBytes > pool.length) {
    // A new block each time: salts handed out are views of the old one.
    pool = randomFillSync(Buffer.allocUnsafeSlow(poolBytes));
    used = 0;
  }
  used += saltBytes;
  return pool.subarray(used - saltBytes, used);
}

/** Lowercase hex; see the head of this file. */
export function commitment(
  entrySalt: Uint8Array,
  domain: string,
  field: string,
  value: string | Uint8Array,
): string {
  return commitmentUnder(fieldSalt(entrySalt, domain, field), domain, field, value);
}

/** What to disclose together with a value, so that only this field can be checked. */
export function fieldSalt(entrySalt: Uint8Array, domain: string, field: string): Uint8Array {
  if (entrySalt.length !== saltBytes)
    throw new TypeError(`a salt has ${saltBytes} bytes, not ${entrySalt.length}`);
  const input = scratchFor(saltLabel.length + saltBytes + 8 + 3 * (domain.length + field.length));
  let end = put(input, 0, saltLabel);
  end = put(input, end, entrySalt);
  end = putSized(input, end, domain);
  end = putSized(input, end, field);
  return hash("sha256", input.subarray(0, end), "buffer");
}

/** The commitment as somebody recomputes it to whom the field's salt was disclosed. */
export function commitmentUnder(
  salt: Uint8Array,
  domain: string,
  field: string,
  value: string | Uint8Array,
): string {
  const valueBytes = typeof value === "string" ? 3 * value.length : value.length;
  const room = blockBytes + commitmentLabel.length + 12 + 3 * (domain.length + field.length) + valueBytes;
  const input = scratchFor(room);
  let end = putPad(input, salt, 0x36);
  end = put(input, end, commitmentLabel);
  end = putSized(input, end, domain);
  end = putSized(input, end, field);
  end = putSized(input, end, value);
  const inner = hash("sha256", input.subarray(0, end), "buffer");
  putPad(input, salt, 0x5c);
  end = put(input, blockBytes, inner);
  return hash("sha256", input.subarray(0, end), "hex");
}

// HMAC (RFC 2104) by hand over the one-shot hash, which costs a fifth of createHmac. Keys here have 32 bytes, fewer
// than a block, so they are never hashed down.
const blockBytes = 64;

function putPad(target: Buffer, key: Uint8Array, pad: number): number {
  target.fill(pad, 0, blockBytes);
  for (let at = 0; at < key.length; at += 1) target[at] = (key[at] ?? 0) ^ pad;
  return blockBytes;
}

// Hashing is synchronous, so one scratch buffer serves every commitment of ordinary size.
const scratch = Buffer.allocUnsafeSlow(4096);

function scratchFor(bytes: number): Buffer {
  return bytes <= scratch.length ? scratch : Buffer.allocUnsafeSlow(bytes);
}

function put(target: Buffer, at: number, bytes: Uint8Array): number {
  target.set(bytes, at);
  return at + bytes.length;
}

function putSized(target: Buffer, at: number, value: string | Uint8Array): number {
  if (typeof value !== "string") {
    target.writeUInt32BE(value.length, at);
    return put(target, at + 4, value);
  }
  const written = target.write(value, at + 4, "utf8");
  target.writeUInt32BE(written, at);
  return at + 4 + written;
}
