// What happens to approvals, as it happens, for whoever looks on. It decides nothing and keeps nothing: who missed something
// is told what stands, and goes on from there.

import { randomUUID } from "node:crypto";
import { type Approval, current, type Hold, type ListedApproval } from "./approval.ts";
import { type ApprovalState, isFinal, isOpen } from "./approval-states.ts";
import type { ApprovalDesk } from "./desk.ts";

/** What is told of an approval. Nothing of what it holds. */
export interface FeedItem {
  readonly id: string;
  readonly revision: number;
  readonly state: ApprovalState;
  readonly digest: string;
  readonly hold: string;
  readonly application: string;
  readonly tool: string | null;
}

export type FeedEvent =
  | {
      readonly id: string;
      readonly type: "requested" | "voted" | "edited" | "closed" | "released";
      readonly item: FeedItem;
      /** How many approvals wait, after it. */
      readonly pending: number;
    }
  /** All that is open, in place of what was missed. */
  | {
      readonly id: string;
      readonly type: "snapshot";
      readonly items: readonly FeedItem[];
      readonly pending: number;
    };

export interface FeedListener {
  readonly event: (event: FeedEvent) => void;
  /** The feed has ended. */
  readonly end: () => void;
}

export interface Subscription {
  /** What comes before all that the listener is told. */
  readonly first: readonly FeedEvent[];
  close(): void;
}

export type FeedSource = Pick<ApprovalDesk, "list" | "hold" | "onChange">;

/** Events that are kept for those who come back. */
const kept = 1_000;
/** Holds that have ended and may be heard of again by a look that began before. */
const endedKept = 10_000;
const maxListeners = 100;
const page = 1_000;

interface Known {
  readonly version: number;
  readonly items: ReadonlyMap<string, KnownItem>;
}

interface KnownItem {
  readonly item: FeedItem;
  /** How many there are. */
  readonly votes: number;
}

export class ApprovalFeed {
  readonly #source: FeedSource;
  /** Names this run: ids of another one's events say nothing here. */
  readonly #run = randomUUID().slice(0, 8);
  #count = 0;
  #pending = 0;
  #events: FeedEvent[] = [];
  /** Holds that something of is open, by id. */
  readonly #holds = new Map<string, Known>();
  readonly #ended = new Set<string>();
  readonly #listeners = new Set<FeedListener>();
  /** Others have changed something that was not looked at. */
  #behind = true;
  #looking: Promise<void> | null = null;
  #closed = false;

  constructor(source: FeedSource) {
    this.#source = source;
    source.onChange((hold) => this.#note(hold));
  }

  /** Others have changed these holds; null: any. Looked at when somebody listens. */
  async lookAgain(holds: readonly string[] | null): Promise<void> {
    if (this.#listeners.size > 0 && !this.#behind && holds !== null) return this.#lookAt(holds);
    this.#behind = true;
    if (this.#listeners.size > 0) await this.#catchUp();
  }

  /**
   * `after` is the id of the last event that was heard. Null when the feed has ended, or as many listen as may. Rejects when
   * the store cannot be read.
   */
  async subscribe(after: string | null, listener: FeedListener): Promise<Subscription | null> {
    if (this.#closed || this.#listeners.size >= maxListeners) return null;
    await this.#catchUp();
    if (this.#closed || this.#listeners.size >= maxListeners) return null;
    const first = this.#since(after) ?? [this.#snapshot()];
    this.#listeners.add(listener);
    return { first, close: () => void this.#listeners.delete(listener) };
  }

  /** Every listener is told that this is the end. */
  close(): void {
    this.#closed = true;
    for (const listener of [...this.#listeners]) listener.end();
    this.#listeners.clear();
  }

  /** Null when it is not known what was missed. */
  #since(after: string | null): readonly FeedEvent[] | null {
    const [run, number] = after?.split("-") ?? [];
    if (run !== this.#run || number === undefined || !/^[0-9]{1,15}$/.test(number)) return null;
    const missed = this.#count - Number(number);
    if (missed < 0 || missed > this.#events.length) return null;
    return missed === 0 ? [] : this.#events.slice(-missed);
  }

  #snapshot(): FeedEvent {
    const items = [...this.#holds.values()].flatMap((hold) => [...hold.items.values()]);
    const open = items.map(({ item }) => item).filter(({ state }) => isOpen(state));
    open.sort((one, other) => (one.id < other.id ? -1 : 1));
    return { id: this.#id(), type: "snapshot", items: open, pending: this.#pending };
  }

  #id(): string {
    return `${this.#run}-${this.#count}`;
  }

  async #catchUp(): Promise<void> {
    if (this.#looking !== null) await this.#looking.catch(() => undefined);
    if (this.#behind) {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = null;
      });
    }
    await this.#looking;
  }

  /** Reads every hold again that is open, or was when we last heard of it. */
  async #look(): Promise<void> {
    this.#behind = false;
    try {
      const known = [...this.#holds];
      const listed = new Set<string>();
      const changed = new Set<string>();
      for (let after = ""; ; ) {
        const rows = await this.#source.list({
          states: ["pending", "approved", "releasing"],
          after,
          limit: page,
        });
        for (const row of rows) {
          listed.add(row.id);
          if (this.#differs(row)) changed.add(row.hold);
        }
        after = rows.at(-1)?.id ?? "";
        if (rows.length < page) break;
      }
      // What was open and is listed no more has ended.
      const isListed = ({ item }: KnownItem): boolean => !isOpen(item.state) || listed.has(item.id);
      for (const [id, { items }] of known) if (![...items.values()].every(isListed)) changed.add(id);
      await this.#lookAt(changed);
    } catch (fault) {
      this.#behind = true;
      throw fault;
    }
  }

  async #lookAt(holds: Iterable<string>): Promise<void> {
    try {
      for (const id of holds) {
        const hold = await this.#source.hold(id);
        if (hold !== null) this.#note(hold);
      }
    } catch (fault) {
      this.#behind = true;
      throw fault;
    }
  }

  #differs({ id, hold, revision, state, votes }: ListedApproval): boolean {
    const known = this.#holds.get(hold)?.items.get(id);
    return known?.item.revision !== revision || known.item.state !== state || known.votes !== votes.length;
  }

  #note(hold: Hold): void {
    const before = this.#holds.get(hold.id);
    // What is older than what is known was read before, and arrives late.
    if (this.#ended.has(hold.id) || (before !== undefined && before.version >= hold.version)) return;
    const items = new Map(current(hold).map((approval) => [approval.id, knownItem(approval)]));
    for (const [id, item] of items) this.#tell(before?.items.get(id), item);
    if ([...items.values()].some(({ item }) => isOpen(item.state))) {
      this.#holds.set(hold.id, { version: hold.version, items });
    } else {
      this.#holds.delete(hold.id);
      this.#end(hold.id);
    }
  }

  #end(id: string): void {
    this.#ended.add(id);
    const [oldest] = this.#ended;
    if (this.#ended.size > endedKept && oldest !== undefined) this.#ended.delete(oldest);
  }

  #tell(before: KnownItem | undefined, now: KnownItem): void {
    this.#pending += Number(now.item.state === "pending") - Number(before?.item.state === "pending");
    for (const type of changes(before, now)) {
      this.#count += 1;
      const event: FeedEvent = { id: this.#id(), type, item: now.item, pending: this.#pending };
      this.#events.push(event);
      if (this.#events.length > 2 * kept) this.#events = this.#events.slice(-kept);
      for (const listener of [...this.#listeners]) listener.event(event);
    }
  }
}

type Change = Exclude<FeedEvent["type"], "snapshot">;

function changes(before: KnownItem | undefined, { item, votes }: KnownItem): readonly Change[] {
  if (before === undefined) return isOpen(item.state) ? ["requested"] : [];
  const told: Change[] = [];
  const edited = item.revision > before.item.revision;
  if (edited) told.push("edited");
  if (votes > (edited ? 0 : before.votes)) told.push("voted");
  if (isFinal(item.state) && !isFinal(before.item.state)) {
    told.push(item.state === "released" ? "released" : "closed");
  }
  return told;
}

function knownItem(approval: Approval): KnownItem {
  const { id, revision, state, digest, hold, application, tool, votes } = approval;
  return { item: { id, revision, state, digest, hold, application, tool }, votes: votes.length };
}
