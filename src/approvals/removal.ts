// Holds that are over are kept for as long as the config says, and then removed: in short transactions between which calls
// go on. Their entries stay on the trail. Whether one is over is decided by the store, in the transaction that removes it.

import { setImmediate as nextTurn } from "node:timers/promises";
import type { ApprovalStore } from "./approval-store.ts";
import type { ApprovalRules, DeskFaults } from "./ports.ts";

const everyMs = 600_000;

export interface RemovalParts {
  readonly store: Pick<ApprovalStore, "removeOver">;
  readonly rules: Pick<ApprovalRules, "keepDecidedMs">;
  readonly faults: Pick<DeskFaults, "failed">;
}

export class Removal {
  readonly #parts: RemovalParts;
  #timer: NodeJS.Timeout | null = null;
  #sweeping: Promise<void> | null = null;
  #stopped = false;

  constructor(parts: RemovalParts) {
    this.#parts = parts;
  }

  /** Sweeps now and every ten minutes. */
  start(): void {
    const run = (): void => {
      this.#sweeping ??= this.sweep()
        .then(
          () => undefined,
          (fault: unknown) =>
            this.#parts.faults.failed("approvals that are over could not be removed", fault),
        )
        .finally(() => {
          this.#sweeping = null;
        });
    };
    this.#timer ??= setInterval(run, everyMs).unref();
    run();
  }

  /** Ends a sweep under way after its transaction; the next start goes on with it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#sweeping;
  }

  /** Removes all that has been kept for long enough, and returns how many holds that were. */
  async sweep(): Promise<number> {
    let removed = 0;
    while (!this.#stopped) {
      // Asked anew each time, because the config can change.
      const { keepDecidedMs } = this.#parts.rules;
      const some = keepDecidedMs === null ? 0 : await this.#parts.store.removeOver(keepDecidedMs);
      if (some === 0) break;
      removed += some;
      await nextTurn();
    }
    return removed;
  }
}
