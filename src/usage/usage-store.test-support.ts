// A usage store in memory that keeps to the interface, compare-and-set included.

import type { CountedCall } from "./counter-store.ts";
import type { UsageIncrement, UsageRow, UsageStore } from "./usage-store.ts";

export class MemoryUsageStore implements UsageStore {
  #position = 0;
  counted: UsageIncrement[] = [];
  countedCalls: CountedCall[] = [];
  /** Called before each `advance`: stands for another instance, or for a crash when it throws. */
  beforeAdvance: () => void | Promise<void> = () => {};

  async position(): Promise<number> {
    return this.#position;
  }

  async advance(
    from: number,
    to: number,
    increments: readonly UsageIncrement[],
    calls: readonly CountedCall[] = [],
  ): Promise<boolean> {
    await this.beforeAdvance();
    if (this.#position !== from) return false;
    this.#position = to;
    this.counted.push(...increments);
    this.countedCalls.push(...calls);
    return true;
  }

  async query(): Promise<readonly UsageRow[]> {
    return this.counted;
  }

  async reset(): Promise<void> {
    this.#position = 0;
    this.counted = [];
    this.countedCalls = [];
  }

  get calls(): number {
    return this.counted.reduce((sum, one) => sum + one.calls, 0);
  }
}
