// A retry of the same request joins what its earlier connection left behind, so that the model is not asked twice and
// nobody is asked to sign off twice.

import { current, type Hold, joinableUntil } from "./approval.ts";
import type { Holds } from "./holds.ts";

/** Longer than anything waits: what is older is not looked for at the start. */
const lookBackMs = 7 * 24 * 60 * 60 * 1000;
const page = 100;
/** What has an earlier id may be filed later, by a gateway whose transaction waited. */
const lateMs = 60_000;
/** Holds that are remembered as known: more than are filed meanwhile. */
const knownHolds = 10_000;

/** What a client has of a hold: all of it, one of the choices that its turn has, or nothing as far as anybody knows. */
export type Handed = "all" | "nothing" | { readonly choice: number; readonly of: readonly number[] };

export interface AttachingParts {
  readonly holds: Holds;
  /** This process. */
  readonly instance: string;
  /** Whether nothing more can come of an instance. */
  readonly hasEnded: (instance: string) => Promise<boolean>;
}

export class Attaching {
  readonly #parts: AttachingParts;
  /** Until when something can be joined, by application: most calls have nothing to look for. */
  readonly #until = new Map<string, number>();
  /** Those that were noted last. */
  readonly #known = new Set<string>();
  /** Until when all is known that was filed, by the store's clock; null before the first look. */
  #lookedAt: number | null = null;

  constructor(parts: AttachingParts) {
    this.#parts = parts;
    parts.holds.onChange((hold) => this.#note(hold.id, hold.application, joinableUntil(hold)));
  }

  /**
   * Finds what earlier runs and other gateways have filed since the last look. `holds` are those that others have filed or
   * changed, if nothing else was; null when that is not known.
   */
  async look(holds: readonly string[] | null): Promise<void> {
    const { store } = this.#parts.holds;
    if (holds !== null && this.#lookedAt !== null) {
      const known = this.#lookedAt - lateMs;
      const unknown = holds.filter((id) => !this.#known.has(id));
      const filed = unknown.map(timeOfId).filter((time) => time >= known);
      if (filed.length === 0) return;
      await this.#lookFrom(Math.min(...filed));
      this.#lookedAt = Math.max(this.#lookedAt, ...filed);
      return;
    }
    const now = await store.now();
    await this.#lookFrom((this.#lookedAt ?? now - lookBackMs) - lateMs);
    this.#lookedAt = now;
  }

  async #lookFrom(time: number): Promise<void> {
    const { store } = this.#parts.holds;
    let after = firstIdAt(time);
    for (;;) {
      const rows = await store.list({
        states: ["pending", "approved", "releasing", "released", "rejected", "expired"],
        after,
        limit: page,
      });
      for (const { application, createdAt, id, hold } of rows) {
        // Long enough for every vote and its use; a hold that is over is found to be so.
        this.#note(hold, application, createdAt + lookBackMs);
        after = id;
      }
      if (rows.length < page) break;
    }
  }

  /** False for nearly every call, at the price of a map. */
  mayJoin(application: string, now: number): boolean {
    return (this.#until.get(application) ?? 0) > now;
  }

  /** The hold that this request left behind, taken over for it; null when there is none that can be joined. */
  async join(attachKey: string): Promise<Hold | null> {
    return this.#takeOver(() => this.#parts.holds.byAttachKey(attachKey));
  }

  /** As `join`, for a request that names the hold and the choice that it goes on with. */
  async joinById(id: string, choice: number): Promise<Hold | null> {
    return this.#takeOver(() => this.#parts.holds.byId(id), choice);
  }

  async #takeOver(read: () => Promise<Hold | null>, choice: number | null = null): Promise<Hold | null> {
    const { holds, instance, hasEnded } = this.#parts;
    for (;;) {
      const hold = await read();
      if (hold === null || isOver(hold, choice) || joinableUntil(hold) <= (await holds.store.now()))
        return null;
      const { attended } = hold;
      // A live duplicate is a call of its own.
      if (attended !== null && (attended === instance || !(await hasEnded(attended)))) return null;
      const { outcome, hold: joined } = await holds.change(hold, { ...hold, attended: instance }, []);
      // Somebody else was faster: another retry, or a vote, which is no reason to ask the model and people again.
      if (outcome === "changed") return joined;
    }
  }

  /** Nobody here waits for it any more. What it waits for is left as it is. */
  async leave(id: string, handed: Handed): Promise<void> {
    const { holds, instance } = this.#parts;
    for (;;) {
      const hold = await holds.byId(id);
      if (hold === null || hold.attended !== instance) return;
      const { outcome } = await holds.change(hold, handedOn({ ...hold, attended: null }, handed), []);
      if (outcome === "changed") return;
    }
  }

  #note(hold: string, application: string, until: number): void {
    this.#until.set(application, Math.max(until, this.#until.get(application) ?? 0));
    this.#known.add(hold);
    const [oldest] = this.#known;
    if (this.#known.size > knownHolds && oldest !== undefined) this.#known.delete(oldest);
  }
}

/** A call is made once under its approval; an answer can be handed on again while nobody has all of it. */
function isOver(hold: Hold, choice: number | null): boolean {
  if (choice !== null && hold.delivered_choices?.includes(choice) === true) return true;
  return hold.delivered || current(hold).some(({ kind, state }) => kind === "call" && state === "released");
}

/** What has reached a client is over; the rest of it stays for whoever comes for it. */
function handedOn(hold: Hold, handed: Handed): Hold {
  if (handed === "nothing") return { ...hold, delivered: false };
  if (handed === "all") return { ...hold, delivered: true };
  const choices = [...new Set([...(hold.delivered_choices ?? []), handed.choice])];
  const delivered = handed.of.every((choice) => choices.includes(choice));
  return { ...hold, delivered, delivered_choices: choices };
}

/** Of a hold: its approvals have the same, or a later one. */
function timeOfId(id: string): number {
  return Number.parseInt(
    id
      .slice(id.indexOf("_") + 1)
      .replace("-", "")
      .slice(0, 12),
    16,
  );
}

/** Ids are UUIDv7, so they begin with their time. */
export function firstIdAt(time: number): string {
  const hex = Math.max(0, time).toString(16).padStart(12, "0");
  return `apr_${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
