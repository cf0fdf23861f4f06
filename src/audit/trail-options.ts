// What a trail is opened with.

import type { Clock } from "../core/clock.ts";
import type { TrailFault } from "./trail-faults.ts";
import type { LogPlace } from "./trail-start.ts";

export interface TrailOptions extends LogPlace {
  /** Version of Portcullis, for `log.opened`. */
  readonly version: string;
  readonly clock: Clock;
  /** Milliseconds that never go back; the system's unless said otherwise. */
  readonly uptimeMs?: () => number;
  /** The time that an operator says the newest entry has from a wrong clock, as the refusal named it. */
  readonly acceptedClock?: string | null;
  readonly onFault: (fault: TrailFault) => void;
}
