// SHA-256 of bodies: what the trail commits to, so that a stream's commitment can be made without keeping the stream.

import { hash } from "node:crypto";

export function sha256(bytes: Uint8Array): Buffer {
  return hash("sha256", bytes, "buffer");
}
