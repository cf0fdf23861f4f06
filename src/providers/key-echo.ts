// An upstream that repeats our key in its answer would hand it to the client. Looked for in the forms in which a key gets
// into a body by accident, also where it is cut between two chunks.

import type { SecretValue } from "../core/secret-value.ts";

/** Shorter values would be found where nobody repeated them. */
const shortest = 8;

export class KeyEcho {
  readonly #needles: readonly Buffer[];
  readonly #longest: number;
  #tail: Buffer = Buffer.alloc(0);

  constructor(key: SecretValue | null) {
    this.#needles = key === null ? [] : needlesOf(key);
    this.#longest = Math.max(0, ...this.#needles.map((needle) => needle.length));
  }

  /** Whether the key stands in what has come so far, of which `chunk` is the next part. */
  foundIn(chunk: Buffer): boolean {
    if (this.#needles.length === 0) return false;
    const seen = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    this.#tail = Buffer.from(seen.subarray(Math.max(0, seen.length - this.#longest + 1)));
    return this.#needles.some((needle) => seen.includes(needle));
  }
}

function needlesOf(key: SecretValue): readonly Buffer[] {
  return key.use((value) => {
    if (value.length < shortest) return [];
    const bytes = Buffer.from(value);
    const forms = [
      value,
      JSON.stringify(value).slice(1, -1),
      encodeURIComponent(value),
      bytes.toString("base64").replace(/=+$/, ""),
      bytes.toString("base64url"),
      bytes.toString("hex"),
    ];
    return [...new Set(forms)].map((form) => Buffer.from(form));
  });
}
