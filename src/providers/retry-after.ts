// When an upstream says it may be asked again (RFC 9110 §10.2.3), in milliseconds from now.

const httpDate =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Null when it does not say, or not so that it can be read. `retry-after-ms`, which some vendors send beside it, is the finer
 * of the two. `now` is in milliseconds since the epoch; a date that has passed is 0.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>, now: number): number | null {
  const fine = headers["retry-after-ms"]?.trim() ?? "";
  if (/^\d{1,10}(?:\.\d{1,9})?$/.test(fine)) return Number(fine);
  const written = headers["retry-after"]?.trim() ?? "";
  if (/^\d{1,10}(?:\.\d{1,9})?$/.test(written)) return Number(written) * 1000;
  if (!httpDate.test(written)) return null;
  const at = Date.parse(written);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
