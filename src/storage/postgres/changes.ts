// What other gateways on the same database change. They tell of it at once (LISTEN/NOTIFY); since a notice can be lost with
// its connection, the counts of changes are also looked at every second, and that is what counts.

import type { ClientConfig } from "pg";
import { integer, text } from "../rows/row.ts";
import type { ForeignChanges } from "../storage.ts";
import { Session } from "./session.ts";
import { type Change, changesChannel } from "./write-transaction.ts";

const pollMs = 1_000;
/** When nobody could look for so long, nothing is relied on that others may have changed. */
const maxAgeMs = 5_000;

interface Watch {
  readonly look: () => Promise<void>;
  /** The count of changes as of the last look. */
  seen: number;
}

export class PostgresChanges implements ForeignChanges {
  readonly #config: ClientConfig;
  readonly #watches = new Map<string, Watch>();
  #session: Session | null = null;
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;
  #again = false;
  #closed = false;
  #currentAt = Number.NEGATIVE_INFINITY;

  constructor(config: ClientConfig) {
    this.#config = config;
  }

  get current(): boolean {
    return performance.now() - this.#currentAt < maxAgeMs;
  }

  watch(what: Change, look: () => Promise<void>): void {
    this.#watches.set(what, { look, seen: -1 });
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => this.#look(), pollMs).unref();
    this.#look();
    await this.#looking;
  }

  /** Looks anew from another connection: this one may lead to a server that is no longer the one. */
  reset(): void {
    this.#session?.end();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#session?.end();
    await this.#looking;
  }

  #look(): void {
    if (this.#closed) return;
    this.#again = true;
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = null;
    });
  }

  /** Never rejects: what could not be looked at is so with the next look, and meanwhile it is not current. */
  async #lookAll(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      const begun = performance.now();
      try {
        await this.#lookOnce();
        this.#currentAt = begun;
      } catch {
        // A session whose statement failed is lost, and the next look opens another.
      }
    }
  }

  async #lookOnce(): Promise<void> {
    const session = await this.#listening();
    const looks = (await session.rows("SELECT what, count FROM changes")).map(async (row) => {
      const watch = this.#watches.get(text(row, "what"));
      const count = integer(row, "count");
      if (watch === undefined || watch.seen === count) return;
      await watch.look();
      watch.seen = count;
    });
    // Each for itself: what hinders one of them is no reason to leave out another.
    for (const one of await Promise.allSettled(looks)) if (one.status === "rejected") throw one.reason;
  }

  async #listening(): Promise<Session> {
    if (this.#session !== null && !this.#session.lost) return this.#session;
    const { session } = await Session.open(this.#config, "follow");
    this.#session = session;
    session.client.on("notification", () => this.#look());
    await session.run({ text: `LISTEN ${changesChannel}` });
    return session;
  }
}
