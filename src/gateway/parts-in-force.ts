// The parts that calls work with, when the config can change under way: a call works to its end with those it began with.

import type { GatewayParts } from "./parts.ts";

export class PartsInForce {
  #current: GatewayParts;
  /** How many calls work with each set of parts, and whom to tell when a replaced set has none left. */
  readonly #calls = new Map<GatewayParts, number>();
  readonly #unused = new Map<GatewayParts, () => void>();

  constructor(parts: GatewayParts) {
    this.#current = parts;
  }

  get current(): GatewayParts {
    return this.#current;
  }

  async use(call: (parts: GatewayParts) => Promise<void>): Promise<void> {
    const parts = this.#current;
    this.#calls.set(parts, (this.#calls.get(parts) ?? 0) + 1);
    try {
      await call(parts);
    } finally {
      this.#left(parts);
    }
  }

  /** Calls that begin from now on work with `next`. Resolves when the last call of the parts before has ended. */
  replace(next: GatewayParts): Promise<void> {
    const before = this.#current;
    this.#current = next;
    if (before === next || !this.#calls.has(before)) return Promise.resolve();
    return new Promise((resolve) => this.#unused.set(before, resolve));
  }

  #left(parts: GatewayParts): void {
    const others = (this.#calls.get(parts) ?? 1) - 1;
    if (others > 0) {
      this.#calls.set(parts, others);
      return;
    }
    this.#calls.delete(parts);
    this.#unused.get(parts)?.();
    this.#unused.delete(parts);
  }
}
