// What other gateways on the same database change. They tell of it at once (LISTEN/NOTIFY) and say which change it was; since
// a notice can be lost with its connection, the counts of changes are also looked at every second, and that is what counts.

import type { ClientConfig } from "pg";
import { integer, text } from "../rows/row.ts";
import type { ForeignChanges, LookAtChanges } from "../storage.ts";
import { ChangeWatch } from "./change-watch.ts";
import { Session } from "./session.ts";
import { type Change, changesChannel, noticeOf } from "./write-transaction.ts";

const pollMs = 1_000;
/** When nobody could look for so long, nothing is relied on that others may have changed. */
const maxAgeMs = 5_000;

export class PostgresChanges implements ForeignChanges {
  readonly #config: ClientConfig;
  readonly #watches = new Map<string, ChangeWatch>();
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

  watch(what: Change, look: LookAtChanges): void {
    this.#watches.set(what, new ChangeWatch(look));
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
    await Promise.all([...this.#watches.values()].map((watch) => watch.idle()));
  }

  #hear(payload: string | undefined): void {
    if (this.#closed) return;
    const notice = noticeOf(payload ?? "");
    const watch = notice === null ? undefined : this.#watches.get(notice.what);
    // One that is not the next shows that another was lost.
    if (notice === null || watch?.isTold(notice) === false) this.#look();
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
    const rows = await session.rows("SELECT what, count FROM changes");
    const looks = rows.map(async (row) =>
      this.#watches.get(text(row, "what"))?.catchUp(integer(row, "count")),
    );
    // Each for itself: what hinders one of them is no reason to leave out another.
    for (const one of await Promise.allSettled(looks)) if (one.status === "rejected") throw one.reason;
  }

  async #listening(): Promise<Session> {
    if (this.#session !== null && !this.#session.lost) return this.#session;
    const { session } = await Session.open(this.#config, "follow");
    this.#session = session;
    session.client.on("notification", ({ payload }) => this.#hear(payload));
    await session.run({ text: `LISTEN ${changesChannel}` });
    return session;
  }
}
