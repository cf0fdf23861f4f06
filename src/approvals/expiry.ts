// What time alone ends: by whoever waits for it, at its instant, and else by a look every second. Both only record what the
// store's clock says; a vote that comes too late does not count whether or not this has run.

import { type Approval, current, type Hold } from "./approval.ts";
import { ended } from "./ending.ts";
import type { Holds } from "./holds.ts";
import type { ApprovalEntries, DeskFaults } from "./ports.ts";

const everyMs = 1000;
const batch = 100;

export interface ExpiryParts {
  readonly holds: Holds;
  readonly entries: ApprovalEntries;
  readonly faults: Pick<DeskFaults, "failed">;
}

export class Expiry {
  readonly #parts: ExpiryParts;
  readonly #damaged = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #sweeping: Promise<void> | null = null;

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#sweep(), everyMs).unref();
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#sweeping;
  }

  /** Ends what is due of a hold, unless somebody else is faster. */
  async expire(hold: Hold): Promise<void> {
    const { holds, entries } = this.#parts;
    const now = await holds.store.now();
    const isDue = ({ state, expires_at }: Approval): boolean => state === "pending" && expires_at <= now;
    const due = current(hold).filter(isDue);
    const expired = ended(entries, hold, "decide_time_over", { kind: "gateway" }, now, { only: isDue });
    if (expired !== null) {
      const from = Math.max(...due.map((approval) => approval.expires_at));
      await holds.change(hold, expired.hold, expired.entries, { from });
      return;
    }
    if (hold.usable_until === null || hold.usable_until > now) return;
    const lapsed = ended(entries, hold, "use_time_over", { kind: "gateway" }, now);
    if (lapsed !== null) await holds.change(hold, lapsed.hold, lapsed.entries, { from: hold.usable_until });
  }

  #sweep(): void {
    this.#sweeping ??= this.#expireDue()
      .catch((fault: unknown) => this.#failed(fault))
      .finally(() => {
        this.#sweeping = null;
      });
  }

  async #expireDue(): Promise<void> {
    const { holds } = this.#parts;
    let fault: unknown = null;
    // What was changed in the store stays due for good, and must not keep the others from their turn; nor must one that
    // cannot be ended now.
    for (const id of await holds.store.due(batch + this.#damaged.size)) {
      if (this.#damaged.has(id)) continue;
      try {
        const hold = await holds.byId(id);
        if (hold === null) this.#damaged.add(id);
        else await this.expire(hold);
      } catch (one) {
        fault ??= one;
      }
    }
    if (fault !== null) this.#failed(fault);
  }

  #failed(fault: unknown): void {
    this.#parts.faults.failed("approvals could not be ended in time", fault);
  }
}
