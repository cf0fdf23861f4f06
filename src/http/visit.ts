// One call from the head of its request to the end of its answer, and the slot that it holds meanwhile.

import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import type { Admission, Leave } from "../gateway/admission.ts";
import type { KeyHolder } from "../gateway/call.ts";
import type { HttpChannel } from "./http-channel.ts";

/** Who calls, as the head of a request says it. */
export interface Caller {
  readonly holder: KeyHolder;
  readonly sourceAddress: string;
}

export class Visit {
  readonly caller: Caller;
  readonly channel: HttpChannel;
  #leave: Leave | null = null;
  #working = false;

  constructor(caller: Caller, channel: HttpChannel) {
    this.caller = caller;
    this.channel = channel;
    channel.whenClosed(() => this.#leaveWhenOver());
  }

  /** Waits for a slot as long as the client does. */
  async enter(admission: Admission): Promise<Result<null, Refusal>> {
    const entered = await admission.enter(this.channel.signal);
    if (!entered.ok) return entered;
    const leave = entered.value;
    this.#leave = leave;
    this.channel.whenResting((resting) => (resting ? leave.rest() : leave.resume()));
    // The client can have left between its admission and now.
    this.#leaveWhenOver();
    return ok(null);
  }

  /** Works on the call. One whose client has left already is not begun. */
  async work(call: () => Promise<void>): Promise<void> {
    if (this.channel.closed) return;
    this.#working = true;
    try {
      await call();
    } finally {
      this.#working = false;
      this.channel.settle();
      this.#leaveWhenOver();
    }
  }

  // INVARIANT: a slot is held until the client has its answer or is gone, and until the call is on record: a drain that
  // waits for slots waits for both.
  #leaveWhenOver(): void {
    if (this.channel.closed && !this.#working) this.#leave?.();
  }
}
