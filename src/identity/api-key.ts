// What an API key looks like: `pcl_`, 32 random bytes and a checksum in base64url, so that a mistyped key and a leaked one
// are recognised without asking anybody.

import { hash, randomBytes } from "node:crypto";

const prefix = "pcl_";
const pattern = /^pcl_[A-Za-z0-9_-]{43}[A-Za-z0-9_-]{6}$/;

export function newApiKey(): string {
  const body = randomBytes(32).toString("base64url");
  return `${prefix}${body}${checksum(body)}`;
}

/** Whether a text has the shape of our keys. Costs no hash, so that a valid key costs only the one it is looked up by. */
export function isApiKey(text: string): boolean {
  return pattern.test(text);
}

/** Whether a text of that shape is a whole key, and not a mistyped one or some other token. */
export function hasChecksum(text: string): boolean {
  return checksum(text.slice(prefix.length, -6)) === text.slice(-6);
}

/** SHA-256, hex. The key holds 256 random bits, so nothing slower is needed. */
export function hashApiKey(key: string): string {
  return hash("sha256", key, "hex");
}

/** The part that lists show. */
export function keyHint(key: string): string {
  return key.slice(0, 10);
}

function checksum(body: string): string {
  return hash("sha256", `portcullis api key ${body}`, "base64url").slice(0, 6);
}
