// The windows in which calls are counted: minutes, hours, days and months of the calendar, in UTC. A window is known by
// when it began, so that a count is one number, is the same wherever it is read, and coincides with a provider's bill.

export const calendarWindows = ["minute", "hour", "day", "month"] as const;

export type CalendarWindow = (typeof calendarWindows)[number];

const lengthMs = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** When the window that `at` lies in began. Milliseconds since the epoch, both. */
export function windowStart(window: CalendarWindow, at: number): number {
  if (window !== "month") return at - (at % lengthMs[window]);
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}

/** When it ends, which is when the next one begins. */
export function windowEnd(window: CalendarWindow, at: number): number {
  if (window !== "month") return windowStart(window, at) + lengthMs[window];
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}

/** The one before it. */
export function previousWindowStart(window: CalendarWindow, at: number): number {
  return windowStart(window, windowStart(window, at) - 1);
}
