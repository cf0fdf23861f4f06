// Durations and sizes as people write them: `60s`, `15m`, `20MiB`.

import { z } from "zod";

const msPerUnit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const bytesPerUnit = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** `250ms`, `60s`, `15m`, `1h` or `7d`, in milliseconds. */
export const durationMs = z
  .union([
    z.string().regex(/^\d{1,9}(ms|s|m|h|d)$/, "write a duration such as 250ms, 60s, 15m, 1h or 7d"),
    z.int().min(0),
  ])
  .transform((written) => (typeof written === "number" ? written : inUnits(written, msPerUnit)));

/** `512B`, `16KiB`, `20MiB` or `1GiB`, in bytes. */
export const sizeBytes = z
  .union([
    z.string().regex(/^\d{1,9}(B|KiB|MiB|GiB)$/, "write a size such as 512B, 16KiB, 20MiB or 1GiB"),
    z.int().min(0),
  ])
  .transform((written) => (typeof written === "number" ? written : inUnits(written, bytesPerUnit)));

function inUnits(written: string, units: Readonly<Record<string, number>>): number {
  const digits = /^\d+/.exec(written)?.[0] ?? "";
  return Number(digits) * (units[written.slice(digits.length)] ?? 1);
}
