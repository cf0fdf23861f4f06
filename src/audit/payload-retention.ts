// Removes payload that has been kept for as long as the config says: in small steps between which calls go on, and never
// before it is on record. The entries that it belonged to, and their salts, stay.

import { setImmediate as nextTurn } from "node:timers/promises";
import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import type { LogStore } from "./log-store.ts";
import type { KeptEntry, PayloadStore } from "./payload-store.ts";

/** In milliseconds, null for ever. Payload of an application that is not configured any more goes by the standard. */
export interface RetentionRules {
  readonly standardMs: number | null;
  readonly applicationsMs: ReadonlyMap<string, number | null>;
}

/** What is about to be removed. */
export interface ExpiredPayload {
  readonly entries: number;
  readonly bytes: number;
  /** Milliseconds since the epoch, by the ids of the entries. */
  readonly oldest: number;
  readonly newest: number;
  readonly applications: readonly string[];
}

export interface PayloadRetentionOptions {
  readonly log: Pick<LogStore, "byId">;
  readonly store: Pick<PayloadStore, "keptEntries" | "removePayloads">;
  readonly now: () => number;
  /** Asked anew at each sweep, because the config can change. */
  readonly rules: () => RetentionRules;
  /** Resolves when it is durably on record. */
  readonly record: (expired: ExpiredPayload) => Promise<void>;
  readonly onFault: (fault: unknown) => void;
}

interface Due extends KeptEntry {
  readonly application: string | null;
}

interface Found {
  readonly due: readonly Due[];
  readonly through: string;
  readonly more: boolean;
}

const sweepEveryMs = 600_000;
/** What one entry on the trail is about; more goes into the next sweep, which follows at once. */
const maxDue = 10_000;
/** Each is looked up; then calls get their turn. */
const entriesATurn = 20;
/** One transaction. Removed bytes are overwritten, so it is their number that takes time. */
const batchEntries = 50;
const batchBytes = 4 * 1024 * 1024;
/** Payload is written after its entry, and may come this late. */
const lateMs = 60_000;

export class PayloadRetention {
  readonly #options: PayloadRetentionOptions;
  /** By how long payload is kept, up to which id that has been looked through; for as long as the rules are these. */
  #lookedThrough = new Map<number, string>();
  #rules = "";
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #stopped = false;

  constructor(options: PayloadRetentionOptions) {
    this.#options = options;
  }

  /** Sweeps now and every ten minutes. */
  start(): void {
    const run = (): void => {
      this.#running ??= this.sweep()
        .then(() => undefined, this.#options.onFault)
        .finally(() => {
          this.#running = null;
        });
    };
    this.#timer ??= setInterval(run, sweepEveryMs);
    this.#timer.unref();
    run();
  }

  /** Ends a sweep under way after its batch; the next start goes on with it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#running;
  }

  /**
   * Removes all that is due, and returns of how many entries. Each part of it is recorded before it is removed: killed in
   * between, the rest is recorded and removed by the next sweep.
   */
  async sweep(): Promise<number> {
    const { rules, now } = this.#options;
    const inForce = rules();
    this.#forgetUnless(inForce);
    let removed = 0;
    for (const keptMs of durations(inForce)) {
      const until = now() - keptMs;
      for (let more = true; more && !this.#stopped; ) {
        const found = await this.#findDue(keptMs, until, inForce);
        // Nothing goes by rules that are not in force any more; what is due by others waits for the next sweep.
        if (this.#areOthers()) return removed;
        removed += await this.#recordAndRemove(found.due);
        if (this.#areOthers()) return removed;
        // Only now: what failed is looked for again.
        this.#lookedThrough.set(keptMs, earlier(found.through, idBound(until - lateMs)));
        more = found.more;
      }
    }
    return removed;
  }

  /** What was passed over under other rules may be due under these. */
  #forgetUnless(rules: RetentionRules): void {
    const text = textOf(rules);
    if (text !== this.#rules) this.#lookedThrough.clear();
    this.#rules = text;
  }

  /** Whether the rules have changed since the sweep began. */
  #areOthers(): boolean {
    return textOf(this.#options.rules()) !== this.#rules;
  }

  /** The oldest entries that are due and kept for so long, through which id that is, and whether there may be more. */
  async #findDue(keptMs: number, until: number, rules: RetentionRules): Promise<Found> {
    const due: Due[] = [];
    const before = idBound(until);
    let through = this.#lookedThrough.get(keptMs) ?? "";
    let looked = 0;
    while (!this.#stopped) {
      const kept = await this.#options.store.keptEntries(through, before);
      if (kept.length === 0) return { due, through: before, more: false };
      for (const entry of kept) {
        const application = await this.#applicationOf(entry.entryId);
        if (keptFor(application, rules) === keptMs) due.push({ ...entry, application });
        through = entry.entryId;
        if (due.length === maxDue) return { due, through, more: true };
        looked += 1;
        if (looked % entriesATurn === 0) await nextTurn();
      }
    }
    return { due: [], through: "", more: false };
  }

  /** Null when the entry is not there or names none. */
  async #applicationOf(entryId: string): Promise<string | null> {
    const entry = await this.#options.log.byId(entryId);
    const parsed = entry === null ? null : parseLeaf(entry.leaf);
    return parsed?.ok === true && "application" in parsed.value ? parsed.value.application : null;
  }

  async #recordAndRemove(due: readonly Due[]): Promise<number> {
    if (due.length === 0 || this.#stopped) return 0;
    await this.#options.record(expiredOf(due));
    let removed = 0;
    while (removed < due.length && !this.#stopped && !this.#areOthers()) {
      const batch = firstBatch(due, removed);
      await this.#options.store.removePayloads(batch.map(({ entryId }) => entryId));
      removed += batch.length;
      await nextTurn();
    }
    return removed;
  }
}

function textOf({ standardMs, applicationsMs }: RetentionRules): string {
  return JSON.stringify([standardMs, [...applicationsMs]]);
}

function durations({ standardMs, applicationsMs }: RetentionRules): readonly number[] {
  return [...new Set([standardMs, ...applicationsMs.values()])].filter((ms) => ms !== null);
}

function keptFor(application: string | null, { standardMs, applicationsMs }: RetentionRules): number | null {
  const own = application === null ? undefined : applicationsMs.get(application);
  return own === undefined ? standardMs : own;
}

function firstBatch(due: readonly Due[], from: number): readonly Due[] {
  let bytes = 0;
  const end = due.findIndex((entry, at) => {
    if (at < from) return false;
    bytes += entry.bytes;
    return at > from && (at - from === batchEntries || bytes > batchBytes);
  });
  return due.slice(from, end === -1 ? undefined : end);
}

function expiredOf(due: readonly Due[]): ExpiredPayload {
  const times = due.map(({ entryId }) => timeOf(entryId));
  return {
    entries: due.length,
    bytes: due.reduce((sum, { bytes }) => sum + bytes, 0),
    oldest: Math.min(...times),
    newest: Math.max(...times),
    applications: [...new Set(due.flatMap(({ application }) => application ?? []))].toSorted(),
  };
}

/** Ids are UUIDv7: smaller than this are those of earlier milliseconds. */
function idBound(time: number): string {
  const digits = Math.max(0, time).toString(16).padStart(12, "0");
  return `${digits.slice(0, 8)}-${digits.slice(8)}`;
}

/** Of what somebody else has put there it may be anything. */
function timeOf(entryId: string): number {
  const [digits = ""] = /^[0-9a-f]{12}/.exec(entryId.replace("-", "")) ?? [];
  return Math.min(Number.parseInt(digits, 16) || 0, Date.parse("9999-12-31T23:59:59.999Z"));
}

function earlier(one: string, other: string): string {
  return one < other ? one : other;
}
