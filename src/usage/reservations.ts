// What the calls of this process hold of the counters, on the store that all gateways share.

import type { Amount, BoundCounter, Counter, CounterStore, ReserveResult } from "./counter-store.ts";

export class Reservations {
  readonly #store: CounterStore;
  readonly #holder: string;
  readonly #onFault: (call: string, fault: unknown) => void;

  /** `holder` is the instance as which this process writes the log. */
  constructor(store: CounterStore, holder: string, onFault: (call: string, fault: unknown) => void) {
    this.#store = store;
    this.#holder = holder;
    this.#onFault = onFault;
  }

  reserve(
    call: string,
    at: number,
    counters: readonly BoundCounter[],
    amount: Amount,
  ): Promise<ReserveResult> {
    return this.#store.reserve({ call, holder: this.#holder, at, counters, amount });
  }

  /** Without what the call itself holds. */
  read(call: string, at: number, counters: readonly Counter[]): Promise<readonly Amount[]> {
    return this.#store.read(at, counters, call);
  }

  /** Nobody waits for it: until it is done the call counts with what it reserved, and so it does if it fails. */
  settle(call: string, amount: Amount): void {
    this.#store.settle(call, amount).catch((fault: unknown) => this.#onFault(call, fault));
  }

  /** If it fails, the next start releases it. */
  release(call: string): void {
    this.#store.release(call).catch((fault: unknown) => this.#onFault(call, fault));
  }

  /** Call it once the log is counted: see `CounterStore.releaseOfOthers`. */
  releaseOfOthers(): Promise<number> {
    return this.#store.releaseOfOthers([this.#holder]);
  }
}
