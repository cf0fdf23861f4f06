// The disk under the data folder: what kind of file system, how much room for how long, how long a sync takes.

import { randomUUID } from "node:crypto";
import { closeSync, existsSync, fdatasyncSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { DataUse } from "../../compose.ts";
import { type DoctorFinding, ok, problem, skipped, warning } from "./finding.ts";

/** How much the log has grown in which time; null while there is nothing to tell it from. */
export interface Growth {
  readonly entries: number;
  readonly spanMs: number;
}

const mebibyte = 1024 ** 2;
const leastFreeBytes = 128 * mebibyte;
const lowFreeBytes = 1024 * mebibyte;
const dayMs = 86_400_000;
const hourMs = 3_600_000;

export function roomCheck(
  folder: string,
  use: DataUse | null,
  growth: Growth | null,
): readonly DoctorFinding[] {
  const check = "disk space";
  const { bavail, bsize, blocks } = statfsSync(folder);
  const free = bavail * bsize;
  const room = `${size(free)} free of ${size(blocks * bsize)}`;
  const advice =
    "make room or move `data` to a larger disk; a full disk refuses every call until there is room";
  if (free < leastFreeBytes) return [problem(check, room, advice)];
  const days = daysLeft(free, use, growth);
  const lasts = days === null ? "too little on record to say for how long" : `at this pace for ${days} days`;
  const says = `${room}; ${lasts}`;
  if (days !== null && days < 7) return [problem(check, says, advice)];
  if (free < lowFreeBytes || (days !== null && days < 30)) return [warning(check, says, advice)];
  return [ok(check, says)];
}

function daysLeft(free: number, use: DataUse | null, growth: Growth | null): number | null {
  if (use === null || growth === null || growth.spanMs < hourMs) return null;
  const bytesPerDay = use.databaseBytes / (growth.spanMs / dayMs);
  return bytesPerDay === 0 ? null : Math.min(36_500, Math.floor(free / bytesPerDay));
}

/** Magic numbers of `statfs(2)`. Locks and syncs over a network are not what SQLite needs (https://sqlite.org/faq.html#q5). */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB 2"],
  [0x01021997, "9p"],
  [0x65735546, "FUSE"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
  [0x5346414f, "AFS"],
  [0x47504653, "GPFS"],
]);
const passingFileSystems: ReadonlyMap<number, string> = new Map([
  [0x01021994, "tmpfs, which is memory"],
  [0x858458f6, "ramfs, which is memory"],
  [0x794c7630, "the layer of a container, which goes with it"],
]);

export function fileSystemCheck(folder: string): readonly DoctorFinding[] {
  const check = "file system";
  if (process.platform !== "linux") return [skipped(check, "which kind it is, is known on Linux only")];
  const { type } = statfsSync(folder);
  const network = networkFileSystems.get(type);
  if (network !== undefined)
    return [
      warning(
        check,
        `\`${folder}\` lies on ${network}, where locks and syncs may not hold`,
        "put `data` on a local disk or a block volume; more than one gateway needs PostgreSQL",
      ),
    ];
  const passing = passingFileSystems.get(type);
  if (passing !== undefined)
    return [warning(check, `\`${folder}\` lies on ${passing}`, "put `data` on a disk that stays")];
  return [ok(check, `a local one (0x${type.toString(16)})`)];
}

const probes = 16;
const slowSyncMs = 20;

/** Every group of entries waits for one such sync. */
export function syncCheck(folder: string): readonly DoctorFinding[] {
  const check = "sync";
  // Its name is one that a start clears away, should this be killed.
  const path = join(folder, `doctor.${randomUUID()}.tmp`);
  const times: number[] = [];
  try {
    const file = openSync(path, "wx", 0o600);
    try {
      for (let probe = 0; probe < probes; probe += 1) {
        const from = performance.now();
        writeSync(file, Buffer.alloc(4096, 1));
        fdatasyncSync(file);
        times.push(performance.now() - from);
      }
    } finally {
      closeSync(file);
    }
  } finally {
    if (existsSync(path)) rmSync(path);
  }
  times.sort((one, other) => one - other);
  const [median = 0, worst = 0] = [times[probes / 2], times.at(-1)];
  const says = `4 KiB are durable in ${median.toFixed(1)} ms (median of ${probes}, worst ${worst.toFixed(1)} ms)`;
  if (median <= slowSyncMs) return [ok(check, says)];
  return [warning(check, says, "every call waits for two of these; put `data` on a faster disk")];
}

const largeWalBytes = 128 * mebibyte;

export function writeAheadLogCheck(use: DataUse | null): readonly DoctorFinding[] {
  const check = "write-ahead log";
  if (use === null) return [skipped(check, "there is no database yet")];
  const says = size(use.writeAheadLogBytes);
  if (use.writeAheadLogBytes <= largeWalBytes) return [ok(check, says)];
  return [
    warning(
      check,
      `${says}: something keeps it from being folded into the database`,
      "end whatever has been reading the database for long, such as a backup; the gateway's log says more",
    ),
  ];
}

function size(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"] as const;
  let [value, at] = [bytes, 0];
  for (; value >= 1024 && at < units.length - 1; at += 1) value /= 1024;
  return `${at === 0 ? value : value.toFixed(1)} ${units[at]}`;
}
