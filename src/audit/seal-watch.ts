// Watches that entries come under a signed checkpoint. While none can be kept outside the data store, nothing would show
// that newer entries were cut off; so after a few seconds no more are taken.

/** How long new entries may wait for their checkpoint before there are no more of them. */
export const maxUnsealedMs = 5_000;

export class SealWatch {
  readonly #uptimeMs: () => number;
  /** When the first try began that has not succeeded yet. */
  #since: number | null = null;
  /** Entries that must be sealed next. */
  #awaited = 0;
  #why = "it takes too long";

  /** `uptimeMs` never goes back, whatever the clock does. */
  constructor(uptimeMs: () => number) {
    this.#uptimeMs = uptimeMs;
  }

  trying(): void {
    this.#since ??= this.#uptimeMs();
  }

  failed(error: unknown): void {
    this.#why = error instanceof Error ? error.message : String(error);
  }

  /** Of the `size` entries that there are so many are sealed. Another may seal them, and then there are always newer ones. */
  sealed(sealed: number, size: number): void {
    if (sealed < this.#awaited) return;
    this.#awaited = size;
    this.#since = sealed >= size ? null : this.#uptimeMs();
  }

  /** Why nothing can be recorded, or null. */
  get refusal(): string | null {
    if (this.#since === null || this.#uptimeMs() - this.#since < maxUnsealedMs) return null;
    return `no checkpoint could be signed and kept for ${maxUnsealedMs / 1000} s: ${this.#why}`;
  }
}
