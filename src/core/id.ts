// Identifiers: UUIDv7 (RFC 9562 §5.7) with a prefix that says what they name, so that they sort by time and read well.

import { randomFillSync } from "node:crypto";

// Drawing randomness in blocks costs a tenth of drawing it per id.
const pool = Buffer.allocUnsafe(4096);
let used = pool.length;

let lastMillisecond = -1;
let sequence = 0;

export type IdPrefix = "call" | "hold" | "apr" | "key" | "act" | "sub" | "app" | "inst" | "op";

/** For example `call_01939f6e-3c2b-7d10-8a53-0d4c5f6a7b8c`. */
export function newId(prefix: IdPrefix, now: number): string {
  return `${prefix}_${uuidv7(now)}`;
}

/** Sorts in the order of creation within one process: `rand_a` is a counter within the millisecond (RFC 9562 §6.2, method 1). */
export function uuidv7(now: number): string {
  if (used + 10 > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + 10);
  used += 10;

  if (now > lastMillisecond) {
    lastMillisecond = now;
    sequence = ((random[8] ?? 0) << 3) | ((random[9] ?? 0) >> 5); // 11 random bits leave room to count up
  } else {
    sequence += 1;
    if (sequence > 0xfff) {
      lastMillisecond += 1;
      sequence = 0;
    }
  }
  const time = lastMillisecond.toString(16).padStart(12, "0");
  const counter = (0x7000 | sequence).toString(16);
  random[0] = ((random[0] ?? 0) & 0x3f) | 0x80;
  const tail = random.toString("hex", 0, 8);
  return `${time.slice(0, 8)}-${time.slice(8)}-${counter}-${tail.slice(0, 4)}-${tail.slice(4)}`;
}
