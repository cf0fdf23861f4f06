// One transaction of the writer: behind the fence, on top of the head as it is then, with the entries of all its jobs
// written at once.

import { type LogHead, leafHash } from "portcullis-verify/log/merkle-tree.ts";
import { appendToTiles } from "portcullis-verify/log/tiles.ts";
import { type AppendReceipt, FencedError, LogUnavailableError } from "../../audit/log-store.ts";
import type { EncodedEntry } from "../../core/entry.ts";
import { packHashes, unpackHashes } from "../rows/packed-hashes.ts";
import { blob, integer, type Row } from "../rows/row.ts";
import type { Session, Statement } from "./session.ts";
import { insertTileHashes } from "./tile-hash-statement.ts";

/** Who writes, and how many transactions it has committed. */
export interface Writing {
  readonly epoch: number;
  readonly commits: number;
}

export interface TransactionKind {
  /** Appends entries: takes the head first, so that nobody waits for it with other rows in hand. */
  readonly appends: boolean;
  readonly serializable: boolean;
}

/** What other gateways have to see. */
export type Change = "keys" | "operators" | "secrets" | "policies" | "approvals";

/** The channel on which changes are told of. */
export const changesChannel = "portcullis_changes";

/** What is told of a change there. */
export interface Notice {
  readonly what: string;
  /** Of its kind, counted in the order in which they commit. */
  readonly count: number;
  /** What was changed, or null where the kind says enough. */
  readonly which: string | null;
}

/** Null when it is none of ours. */
export function noticeOf(payload: string): Notice | null {
  const [, what, count, which = null] = /^([a-z]+) ([0-9]{1,15})(?: ([\w-]+))?$/.exec(payload) ?? [];
  return what === undefined || count === undefined ? null : { what, count: Number(count), which };
}

/**
 * Those who claim wait for each other instead of failing each other, which under load could go on for longer than anybody
 * tries. To lock a table does not yet fix what the transaction sees (https://www.postgresql.org/docs/current/sql-lock.html).
 */
const beginClaim = "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE claims IN EXCLUSIVE MODE";

export class WriteTransaction {
  readonly #session: Session;
  /** Null when entries cannot be appended. */
  readonly #head: LogHead | null;
  readonly #entries: EncodedEntry[] = [];

  private constructor(session: Session, head: LogHead | null) {
    this.#session = session;
    this.#head = head;
  }

  /**
   * Rejects with `FencedError` when this instance has ended. Its row stays locked until the transaction is over, so whoever
   * would end it waits until then. `writing` is null before it has taken over, and then there is no fence.
   */
  static async begin(
    session: Session,
    kind: TransactionKind,
    writing: Writing | null,
  ): Promise<WriteTransaction> {
    const begin = kind.serializable ? beginClaim : "BEGIN";
    if (writing === null) {
      await session.run({ text: begin });
      return new WriteTransaction(session, null);
    }
    const [begun, fence] = [
      session.run({ text: begin }),
      session.run({
        name: "fence",
        text: `UPDATE instances SET commits = $2, heartbeat = clock_timestamp()
          WHERE epoch = $1 AND commits = $2 - 1 AND ended_at IS NULL`,
        values: [writing.epoch, writing.commits + 1],
      }),
    ];
    const head = kind.appends
      ? session.run({ name: "head", text: "SELECT size, frontier FROM log_head FOR UPDATE" })
      : null;
    const settled = await Promise.allSettled([begun, fence, head]);
    for (const one of settled) if (one.status === "rejected") throw one.reason;
    if ((await fence).rowCount !== 1) {
      throw new FencedError(
        "another gateway has ended this instance because nothing was heard of it, or the database has lost what it had committed; start it again",
      );
    }
    return new WriteTransaction(session, head === null ? null : headOf((await head).rows[0]));
  }

  async rows(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return this.#session.rows(text, values);
  }

  /** How many rows it changed. Under a name it is prepared once. */
  async change(text: string, values: readonly unknown[] = [], name?: string): Promise<number> {
    const statement = name === undefined ? { text, values } : { text, values, name };
    return (await this.#session.run(statement)).rowCount ?? 0;
  }

  append(entries: readonly EncodedEntry[]): AppendReceipt {
    if (this.#head === null) throw new FencedError("this instance has not taken over the log");
    for (const { id } of entries)
      if (!isUuid(id)) throw new TypeError(`the id of an entry is a UUID, not \`${id}\``);
    const firstIndex = this.#head.size + this.#entries.length;
    this.#entries.push(...entries);
    return { firstIndex, size: firstIndex + entries.length };
  }

  /** Others look anew once this is committed: at `which`, or at all of it. */
  async tell(what: Change, which: string | null = null): Promise<void> {
    // The row stays locked until the commit, so that notices are heard in the order of their counts.
    await this.change(tellSql, [what, changesChannel, which], "tell");
  }

  /**
   * Moves the head with the entries and commits. What the server answered, save for a fault before: then it has rolled
   * back. `asked` is called when the commit is on its way.
   */
  async commit(asked: () => void): Promise<void> {
    // INVARIANT: made before the commit is sent. What the server never sees would not keep it from committing the rest.
    const statements = this.#entriesStatements();
    const written = statements.map((statement) => this.#session.run(statement));
    // Sent along: after a statement that failed it rolls back.
    const committed = this.#session.run({ text: "COMMIT" });
    asked();
    const [end, ...entries] = await Promise.allSettled([committed, ...written]);
    for (const one of entries) if (one.status === "rejected") throw one.reason;
    if (end.status === "rejected") throw end.reason;
    if (end.value.command !== "COMMIT")
      throw new LogUnavailableError("the database rolled the transaction back");
  }

  #entriesStatements(): readonly Statement[] {
    if (this.#head === null || this.#entries.length === 0) return [];
    const { head, filled } = appendToTiles(
      this.#head,
      this.#entries.map(({ leaf }) => leafHash(leaf)),
    );
    const appended = this.#appendStatement(this.#head.size, head);
    return filled.length === 0 ? [appended] : [appended, insertTileHashes(filled)];
  }

  #appendStatement(firstIndex: number, { size, frontier }: LogHead): Statement {
    const entries = this.#entries;
    const salted = entries.filter(({ salt }) => salt !== null);
    return {
      name: salted.length === 0 ? "append" : "append with salts",
      text: salted.length === 0 ? appendSql : appendWithSaltsSql,
      values: [
        firstIndex,
        entries.map(({ id }) => id),
        entries.map(({ leaf }) => leaf.length),
        Buffer.concat(entries.map(({ leaf }) => leaf)),
        size,
        packHashes(frontier),
        ...(salted.length === 0
          ? []
          : [
              salted.map(({ id }) => id),
              salted.map(({ salt }) => salt?.subject),
              Buffer.concat(salted.map(({ salt }) => salt?.bytes ?? new Uint8Array())),
              salted.map(({ salt }) => salt?.bytes.length),
            ]),
      ],
    };
  }
}

const tellSql = `
  WITH told AS (UPDATE changes SET count = count + 1 WHERE what = $1::text RETURNING count)
  SELECT pg_notify($2, concat_ws(' ', $1::text, count, $3::text)) FROM told`;

// Leaves travel in one piece with their lengths: as an array they would be written out in hexadecimal.
const cut = (lengths: string, bytes: string): string =>
  `substring(${bytes} FROM (sum(${lengths}) OVER (ORDER BY at) - ${lengths} + 1)::int FOR ${lengths})`;
const appendedSql = `
  WITH moved AS (UPDATE log_head SET size = $5, frontier = $6), appended AS (
    INSERT INTO entries (idx, id, leaf)
    SELECT $1::bigint + at - 1, id, ${cut("length", "$4::bytea")}
    FROM unnest($2::uuid[], $3::int[]) WITH ORDINALITY AS entry (id, length, at)
  )`;
const appendSql = `${appendedSql} SELECT`;
const appendWithSaltsSql = `${appendedSql}
  INSERT INTO salts (id, subject, salt)
  SELECT id, subject, ${cut("length", "$9::bytea")}
  FROM unnest($7::uuid[], $8::text[], $10::int[]) WITH ORDINALITY AS salted (id, subject, length, at)`;

function headOf(row: Row | undefined): LogHead {
  const head = row ?? null;
  return { size: integer(head, "size"), frontier: unpackHashes(blob(head, "frontier")) };
}

/** As the trail writes them; the database would take others for the same. */
export function isUuid(id: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);
}
