// The trail's time: the clock's, save that it never goes back. A clock that was ahead once would hold it still until then,
// so beyond a minute nothing is recorded, and an operator can say that it is to count anew.

import { randomBytes } from "node:crypto";
import { type Clock, rfc3339 } from "../core/clock.ts";
import { uuidv7 } from "../core/id.ts";
import { OperatorError } from "../core/operator-error.ts";

/** As far behind the newest entry a clock may be set back by whoever keeps it right. */
export const maxClockBehindMs = 60_000;

export class TrailClock {
  readonly #clock: Clock;
  #latest: number;
  #text = "";

  /** `latest` is the newest stamp there is, in milliseconds since the epoch. */
  constructor(clock: Clock, latest: number) {
    this.#clock = clock;
    this.#latest = latest;
  }

  /** How far the clock is behind the newest stamp; 0 when it is not. */
  get behindMs(): number {
    return Math.max(0, this.#latest - this.#clock.now());
  }

  /** Why nothing can be recorded, or null. */
  get refusal(): string | null {
    if (this.behindMs <= maxClockBehindMs) return null;
    return `the clock is more than ${maxClockBehindMs / 1000} s behind the newest entry, of ${rfc3339(this.#latest)}; set it right, or see at the next start how to go on`;
  }

  /** An entry's id and time. */
  stamp(): { readonly id: string; readonly time: string } {
    const now = Math.max(this.#latest, this.#clock.now());
    if (now !== this.#latest || this.#text === "") {
      this.#latest = now;
      this.#text = rfc3339(now);
    }
    // The ids of a process only ever go forward: none of the time of a wrong clock may drag the later ones along.
    const id = this.behindMs > maxClockBehindMs ? idAt(now) : uuidv7(now);
    return { id, time: this.#text };
  }

  /** From now on time is the clock's again, earlier than what was stamped. Returns the newest stamp until then. */
  reset(): string {
    const previous = rfc3339(this.#latest);
    this.#latest = this.#clock.now();
    this.#text = "";
    return previous;
  }
}

/** The variable in which an operator says of which time the newest entry wrongly is. */
export const acceptClockVariable = "PORTCULLIS_ACCEPT_CLOCK";

/**
 * Whether the trail's time has to be reset, which `accepted` must name exactly: it holds for this one case. Throws
 * `OperatorError` when the clock is too far behind and nobody said so.
 */
export function mustResetClock(clock: Clock, latest: number, accepted: string | null): boolean {
  const now = clock.now();
  if (latest - now <= maxClockBehindMs) return false;
  const newest = rfc3339(latest);
  if (accepted === newest) return true;
  throw new OperatorError(
    `the clock says ${rfc3339(now)}, and the newest entry of the trail is of ${newest}; set the clock right. If it was wrong when that entry was made, start once with ${acceptClockVariable}=${newest}: the trail's time then counts anew, which goes on record`,
  );
}

/** A UUIDv7 of this time (RFC 9562 §5.7) that the process's other ids do not follow. */
function idAt(time: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(time, 0, 6);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const text = bytes.toString("hex");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join(
    "-",
  );
}
