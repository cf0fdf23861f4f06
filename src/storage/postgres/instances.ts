// The gateways on one database: who they are, which of them is gone, who clears up after it and who signs. An instance is
// gone when another has watched its heartbeat stand still for long enough, by the database's clock; it is fenced in a
// transaction that its own writes wait for or fail by.

import type { LeftInstance, PeerStore } from "../../audit/peer-store.ts";
import { OperatorError } from "../../core/operator-error.ts";
import { integer, type Row, text } from "../rows/row.ts";
import type { WriteTransaction } from "./write-transaction.ts";
import { jobKinds, type PostgresWriter } from "./writer.ts";

export interface HeartbeatTimes {
  readonly everyMs: number;
  /** An instance whose heartbeat stands still for so long is fenced. */
  readonly expiryMs: number;
}

export const heartbeatTimes: HeartbeatTimes = { everyMs: 2_000, expiryMs: 10_000 };

/** A heartbeat as it was seen, and since when it is the same; milliseconds of the database's clock. */
interface Seen {
  readonly heartbeat: number;
  readonly since: number;
}

export class Instances implements PeerStore {
  readonly #writer: PostgresWriter;
  readonly #times: HeartbeatTimes;
  #seen: ReadonlyMap<number, Seen> = new Map();
  #lastLook = Number.NEGATIVE_INFINITY;
  /** Whether there was somebody to clear up after when it looked last. */
  #someLeft = false;
  #timer: NodeJS.Timeout | null = null;
  #beating = false;

  constructor(writer: PostgresWriter, times: HeartbeatTimes) {
    this.#writer = writer;
    this.#times = times;
  }

  /** Joins those who write, and signs from now on. The new epoch. */
  async takeOver(instance: string): Promise<number> {
    const before = this.#writer.epoch;
    const epoch = await this.#writer.write(jobKinds.alone, async (transaction) => {
      const [row] = await transaction.rows("UPDATE log_head SET epoch = epoch + 1 RETURNING epoch, size");
      if (row === undefined) throw lostHead();
      const joined = integer(row, "epoch");
      await transaction.change("UPDATE instances SET ended_at = clock_timestamp() WHERE epoch = $1", [
        before,
      ]);
      await transaction.change(
        "DELETE FROM instances WHERE settled_at < clock_timestamp() - interval '7 days'",
      );
      await transaction.change("INSERT INTO instances (epoch, name, open_from) VALUES ($1, $2, $3)", [
        joined,
        instance,
        integer(row, "size"),
      ]);
      await transaction.change("UPDATE log_signer SET epoch = $1", [joined]);
      return joined;
    });
    this.#writer.tookOver(epoch);
    this.#timer ??= setInterval(() => void this.#beat(), this.#times.everyMs).unref();
    return epoch;
  }

  async takeSigning(): Promise<void> {
    await this.#writer.write(jobKinds.alone, (transaction) =>
      transaction.change("UPDATE log_signer SET epoch = $1", [this.#writer.epoch]),
    );
  }

  hasSigner(): Promise<boolean> {
    return this.#writer.write(jobKinds.rows, async (transaction) => {
      const [row] = await transaction.rows("SELECT epoch FROM log_signer");
      return row !== undefined && row["epoch"] !== null;
    });
  }

  /** Those too that an instance had claimed which is gone itself. */
  async claimLeft(): Promise<readonly LeftInstance[]> {
    if (!this.#someLeft) return [];
    const rows = await this.#writer.write(jobKinds.claims, (transaction) =>
      transaction.rows(
        `UPDATE instances SET heir = $1 WHERE epoch IN (
           SELECT one.epoch FROM instances AS one LEFT JOIN instances AS heir ON heir.epoch = one.heir
           WHERE one.ended_at IS NOT NULL AND one.settled_at IS NULL
             AND (one.heir IS NULL OR one.heir = $1 OR heir.epoch IS NULL OR heir.ended_at IS NOT NULL)
         ) RETURNING name, open_from, epoch`,
        [this.#writer.epoch],
      ),
    );
    return rows
      .toSorted((one, other) => integer(one, "epoch") - integer(other, "epoch"))
      .map((row) => ({ instance: text(row, "name"), openFrom: integer(row, "open_from") }));
  }

  hasEnded(instance: string): Promise<boolean> {
    return this.#writer.write(jobKinds.rows, async (transaction) => {
      const [row] = await transaction.rows("SELECT ended_at FROM instances WHERE name = $1", [instance]);
      return row === undefined || row["ended_at"] !== null;
    });
  }

  async settle(instance: string): Promise<void> {
    await this.#writer.write(jobKinds.rows, (transaction) =>
      transaction.change(
        "UPDATE instances SET settled_at = clock_timestamp() WHERE name = $1 AND heir = $2 AND ended_at IS NOT NULL",
        [instance, this.#writer.epoch],
      ),
    );
  }

  async leave(): Promise<void> {
    this.close();
    const { epoch } = this.#writer;
    await this.#writer.write(jobKinds.alone, async (transaction) => end(transaction, epoch));
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Never rejects: what hinders it hinders every write. */
  async #beat(): Promise<void> {
    if (this.#beating) return;
    this.#beating = true;
    try {
      // The write itself is the heartbeat.
      const others = await this.#writer.write(jobKinds.rows, (transaction) =>
        transaction.rows(
          `SELECT epoch, (extract(epoch FROM heartbeat) * 1000)::bigint AS heartbeat,
             (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now, ended_at IS NOT NULL AS ended
           FROM instances WHERE settled_at IS NULL AND epoch <> $1`,
          [this.#writer.epoch],
        ),
      );
      this.#someLeft = others.some((row) => row["ended"] === true);
      for (const row of this.#expired(others.filter((one) => one["ended"] !== true))) await this.#fence(row);
    } catch {
      // What is not looked at is not known to stand still.
      this.#seen = new Map();
    } finally {
      this.#beating = false;
    }
  }

  /**
   * Those whose heartbeat stood still for as long as this instance was looking. When the database was away nobody could
   * write to it, so after a pause the time counts anew.
   */
  #expired(others: readonly Row[]): readonly Row[] {
    const now = others[0] === undefined ? this.#lastLook : integer(others[0], "now");
    const known = now - this.#lastLook > this.#times.everyMs * 2 ? new Map<number, Seen>() : this.#seen;
    this.#lastLook = now;
    this.#seen = new Map(
      others.map((row) => {
        const epoch = integer(row, "epoch");
        const heartbeat = integer(row, "heartbeat");
        const seen = known.get(epoch);
        return [epoch, seen?.heartbeat === heartbeat ? seen : { heartbeat, since: now }];
      }),
    );
    return others.filter((row) => {
      const since = this.#seen.get(integer(row, "epoch"))?.since ?? now;
      return now - since >= this.#times.expiryMs;
    });
  }

  /** One that is in the middle of a transaction is alive: its row is locked, and passed over. */
  async #fence(row: Row): Promise<void> {
    const epoch = integer(row, "epoch");
    await this.#writer.write(jobKinds.alone, async (transaction) => {
      const [still] = await transaction.rows(
        `SELECT epoch FROM instances WHERE epoch = $1 AND ended_at IS NULL
           AND (extract(epoch FROM heartbeat) * 1000)::bigint = $2 FOR UPDATE SKIP LOCKED`,
        [epoch, integer(row, "heartbeat")],
      );
      if (still !== undefined) await end(transaction, epoch);
    });
  }
}

export function lostHead(): OperatorError {
  return new OperatorError("the log in the data store has lost its head; restore the data store");
}

async function end(transaction: WriteTransaction, epoch: number | null): Promise<void> {
  await transaction.change("UPDATE instances SET ended_at = clock_timestamp() WHERE epoch = $1", [epoch]);
  await transaction.change("UPDATE log_signer SET epoch = NULL WHERE epoch = $1", [epoch]);
}
