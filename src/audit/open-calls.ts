// Which calls are on record as decided and not yet as completed, so that recovery after a crash knows where to look.

import type { AppendReceipt } from "./log-store.ts";

/** What an entry does to its call; null for entries of no call. */
export type CallMark = { readonly call: string; readonly ends: boolean } | null;

/** An append on its way. */
export interface AppendTicket {
  /** No entry of the append can land below this index. */
  readonly floor: number;
}

export class OpenCalls {
  readonly #firstIndex = new Map<string, number>();
  readonly #underWay = new Set<AppendTicket>();
  #size: number;

  /** `size` of the log when the writing was taken over; what is open by then is added with `opened`. */
  constructor(size: number) {
    this.#size = size;
  }

  get count(): number {
    return this.#firstIndex.size;
  }

  /** The log has grown to `size`; what is appended from now on lies above. */
  grown(size: number): void {
    this.#size = Math.max(this.#size, size);
  }

  opened(call: string, index: number): void {
    if (!this.#firstIndex.has(call)) this.#firstIndex.set(call, index);
  }

  starting(): AppendTicket {
    const ticket = { floor: this.#size };
    this.#underWay.add(ticket);
    return ticket;
  }

  durable(ticket: AppendTicket, marks: readonly CallMark[], receipt: AppendReceipt): void {
    this.#underWay.delete(ticket);
    this.#size = Math.max(this.#size, receipt.size);
    for (const [position, mark] of marks.entries()) {
      if (mark === null) continue;
      if (mark.ends) this.#firstIndex.delete(mark.call);
      else this.opened(mark.call, receipt.firstIndex + position);
    }
  }

  /** For an append of which nothing is in the log. One whose end is unknown stays under way for good. */
  failed(ticket: AppendTicket): void {
    this.#underWay.delete(ticket);
  }

  /**
   * INVARIANT: every call with an entry below this index has its completion durable. An append under way may already
   * have committed without our knowing, so its floor counts.
   */
  openFrom(): number {
    let from = this.#size;
    for (const index of this.#firstIndex.values()) from = Math.min(from, index);
    for (const ticket of this.#underWay) from = Math.min(from, ticket.floor);
    return from;
  }
}
