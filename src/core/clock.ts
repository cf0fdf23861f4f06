// Time as a parameter, so that tests and replays can hold it still.

/** Milliseconds since the Unix epoch, UTC. Never assumed to be monotonic. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** RFC 3339 in UTC with milliseconds, the only form in which a time is written down. */
export function rfc3339(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
