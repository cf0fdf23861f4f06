// Whose turn it is to sign where several instances write one log. One signs and the others look on; when it falls silent
// another takes its place. Two that both think it is theirs do no harm: only one of them can keep what it signs.

import type { PeerStore } from "./peer-store.ts";

/** How long entries may wait for whoever signs. Well below what the others stop for (`seal-watch.ts`). */
export const maxSilenceMs = 2_500;

export class SigningTurn {
  readonly #peers: PeerStore;
  readonly #uptimeMs: () => number;
  /** Whoever takes over writing signs. */
  #mine = true;
  /** As many were signed when somebody last did. */
  #signed = -1;
  /** Since when entries wait and nobody signs any, as this instance saw it. */
  #waitingSince: number | null = null;

  /** `uptimeMs` never goes back, whatever the clock does. */
  constructor(peers: PeerStore, uptimeMs: () => number) {
    this.#peers = peers;
    this.#uptimeMs = uptimeMs;
  }

  /** Whether this instance signs now, when of `size` entries so many are signed. Takes its turn when nobody else does. */
  async take(signed: number, size: number): Promise<boolean> {
    if (this.#mine) return true;
    if (signed >= size || signed > this.#signed) {
      this.#signed = signed;
      this.#waitingSince = null;
      return false;
    }
    this.#waitingSince ??= this.#uptimeMs();
    const silent = this.#uptimeMs() - this.#waitingSince >= maxSilenceMs;
    if (silent || !(await this.#peers.hasSigner())) await this.takeNow();
    return this.#mine;
  }

  /** Whoever signed until now, this instance does. */
  async takeNow(): Promise<void> {
    await this.#peers.takeSigning();
    this.#mine = true;
    this.#waitingSince = null;
  }

  /** Another has taken its turn. */
  lost(): void {
    this.#mine = false;
    this.#waitingSince = null;
  }
}
