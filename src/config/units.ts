// Durations and sizes as people write them: `60s`, `15m`, `20MiB`.

import { z } from "zod";

const msPerUnit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const bytesPerUnit = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

const durationHelp = "write a duration with its unit, such as 250ms, 60s, 15m, 1h or 7d";
const sizeHelp = "write a size such as 512B, 16KiB or 20MiB";

/** `1h` or less is what people set; a year and more is a typing error that would show when nothing ever expires. */
export const durationMs = duration("1ms", "365d");

/** A duration that a timer runs: Node's count to 2^31 ms, and one that is longer ends at once. */
export const timerMs = duration("1ms", "24d");

/** As `timerMs`; `0s` means not to wait at all. */
export const waitMs = duration("0ms", "24d");

const keepHelp = "write a duration such as 30d or 12h, or `forever`";

/** How long something is kept, in milliseconds; null for `forever`. */
export const keptMs = z
  .string(keepHelp)
  .regex(/^(?:forever|\d{1,9}(?:s|m|h|d))$/, keepHelp)
  .transform((written) => (written === "forever" ? null : inUnits(written, msPerUnit)))
  .refine((ms) => ms === null || within(1000, 3650 * msPerUnit.d)(ms), "write 1s to 3650d, or `forever`")
  .meta({ title: "duration, 1s to 3650d, or `forever`" });

/** Bytes of something that is held as one text: Node's are shorter than 512 MiB. */
export const sizeBytes = size("1B", "500MiB");

/** Bytes of headers, which are held for every connection. */
export const headerBytes = size("1KiB", "1MiB");

/**
 * `250ms`, `60s`, `15m`, `1h` or `7d`, in milliseconds. A bare number is refused: `timeout: 60` would be taken for seconds by
 * its reader and for milliseconds by us.
 */
function duration(least: string, most: string) {
  return z
    .string(durationHelp)
    .regex(/^\d{1,9}(ms|s|m|h|d)$/, durationHelp)
    .transform((written) => inUnits(written, msPerUnit))
    .refine(within(inUnits(least, msPerUnit), inUnits(most, msPerUnit)), `write ${least} to ${most}`)
    .meta({ title: `duration, ${least} to ${most}` });
}

/** `512B`, `16KiB` or `20MiB`, or the number of bytes; in bytes. */
function size(least: string, most: string) {
  return z
    .union([z.string().regex(/^\d{1,9}(B|KiB|MiB|GiB)$/, sizeHelp), z.int().min(0, sizeHelp)], sizeHelp)
    .transform((written) => (typeof written === "number" ? written : inUnits(written, bytesPerUnit)))
    .refine(within(inUnits(least, bytesPerUnit), inUnits(most, bytesPerUnit)), `write ${least} to ${most}`)
    .meta({ title: `size, ${least} to ${most}` });
}

function within(least: number, most: number): (value: number) => boolean {
  return (value) => value >= least && value <= most;
}

function inUnits(written: string, units: Readonly<Record<string, number>>): number {
  const digits = /^\d+/.exec(written)?.[0] ?? "";
  return Number(digits) * (units[written.slice(digits.length)] ?? 1);
}
