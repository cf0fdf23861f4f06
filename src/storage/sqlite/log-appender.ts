// Appending to the log inside whatever transaction is open, so that a state change and its entry are one commit; and the
// fence: this process writes only on top of what it committed itself.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type LogHead, leafHash } from "portcullis-verify/log/merkle-tree.ts";
import { appendToTiles } from "portcullis-verify/log/tiles.ts";
import { type AppendReceipt, FencedError } from "../../audit/log-store.ts";
import type { EncodedEntry } from "../../core/entry.ts";
import { OperatorError } from "../../core/operator-error.ts";
import { packHashes, unpackHashes } from "../rows/packed-hashes.ts";
import { blob, integer, rowOf } from "../rows/row.ts";

/** Who writes, and the right edge of the log as that writer knows it. */
interface Edge {
  readonly epoch: number;
  readonly head: LogHead;
  /** The head's frontier as it is stored. */
  readonly packed: Uint8Array;
}

export class LogAppender {
  readonly #takeOver: StatementSync;
  readonly #readEdge: StatementSync;
  readonly #writeHead: StatementSync;
  readonly #insertEntry: StatementSync;
  readonly #insertId: StatementSync;
  readonly #insertSalt: StatementSync;
  readonly #insertTileHash: StatementSync;
  /** As of this process's last commit; null until it has taken over, and then nothing can be appended. */
  #committed: Edge | null = null;
  /** As of the open transaction, once a job of it was let through the fence; its leaves are not counted yet. */
  #open: Edge | null = null;
  #hashes: Uint8Array[] = [];

  constructor(writer: DatabaseSync) {
    this.#takeOver = writer.prepare(
      "UPDATE log_head SET epoch = epoch + 1, instance = ? RETURNING epoch, size, frontier",
    );
    this.#readEdge = writer.prepare("SELECT epoch, size, frontier FROM log_head");
    this.#writeHead = writer.prepare(
      "UPDATE log_head SET size = ?, frontier = ? WHERE epoch = ? AND size = ? AND frontier = ?",
    );
    this.#insertEntry = writer.prepare("INSERT INTO entries VALUES (?, ?)");
    this.#insertId = writer.prepare("INSERT INTO entry_ids VALUES (?, ?)");
    this.#insertSalt = writer.prepare("INSERT INTO salts VALUES (?, ?, ?)");
    this.#insertTileHash = writer.prepare("INSERT INTO tile_hashes VALUES (?, ?, ?)");
  }

  /** Call within a transaction of the writer. Throws `OperatorError` when the log has no head to take over. */
  takeOver(instance: string): number {
    const row = rowOf(this.#takeOver.get(instance));
    if (row === null) throw lostHead();
    const packed = blob(row, "frontier");
    const head = { size: integer(row, "size"), frontier: unpackHashes(packed) };
    this.#open = { epoch: integer(row, "epoch"), head, packed };
    return this.#open.epoch;
  }

  /**
   * Throws `FencedError` unless the stored head is the one that this process committed last, under its own epoch. Before
   * it has taken over there is nothing to hold the head against. Call within each transaction, before anything is written.
   */
  fence(): void {
    if (this.#committed !== null) this.#open ??= this.#unchanged(this.#committed);
  }

  /** Call within a transaction of the writer. */
  append(entries: readonly EncodedEntry[]): AppendReceipt {
    this.fence();
    if (this.#open === null) throw new FencedError("this instance has not taken over the log");
    const firstIndex = this.#open.head.size + this.#hashes.length;
    let index = firstIndex;
    for (const entry of entries) {
      const id = idBytes(entry.id);
      if (id === null) throw new TypeError(`the id of an entry is a UUID, not \`${entry.id}\``);
      this.#insertEntry.run(index, entry.leaf);
      this.#insertId.run(id, index);
      if (entry.salt !== null) this.#insertSalt.run(id, entry.salt.subject, entry.salt.bytes);
      this.#hashes.push(leafHash(entry.leaf));
      index += 1;
    }
    return { firstIndex, size: index };
  }

  /** Moves the head with the leaves, once for the whole transaction, under the fence. */
  beforeCommit(): void {
    if (this.#open === null || this.#hashes.length === 0) return;
    const { head, filled } = appendToTiles(this.#open.head, this.#hashes);
    for (const { level, index, hash } of filled) this.#insertTileHash.run(level, index, hash);
    const packed = packHashes(head.frontier);
    this.#moveHead(this.#open, head.size, packed);
    this.#open = { epoch: this.#open.epoch, head, packed };
  }

  afterCommit(): void {
    if (this.#open !== null) this.#committed = this.#open;
    this.forget();
  }

  /** The transaction is gone. */
  forget(): void {
    this.#open = null;
    this.#hashes = [];
  }

  /**
   * Writes the head as it is, under the fence. It is emptied in between, because SQLite does not write a row that stays
   * the same. Call in a transaction of its own. Before anything was taken over there is no entry to undo.
   */
  rewriteHead(): void {
    if (this.#committed === null) return;
    const { head, packed } = this.#committed;
    this.#moveHead(this.#committed, -1, new Uint8Array());
    this.#moveHead(
      { ...this.#committed, head: { ...head, size: -1 }, packed: new Uint8Array() },
      head.size,
      packed,
    );
  }

  #moveHead(from: Edge, size: number, packed: Uint8Array): void {
    const { changes } = this.#writeHead.run(size, packed, from.epoch, from.head.size, from.packed);
    if (changes !== 1) throw takenOver();
  }

  #unchanged(mine: Edge): Edge {
    const row = rowOf(this.#readEdge.get());
    if (row !== null && row["epoch"] !== mine.epoch) throw takenOver();
    // INVARIANT: nothing is appended on top of a head that this process did not commit, whoever changed the row.
    if (row?.["size"] !== mine.head.size || Buffer.compare(blob(row, "frontier"), mine.packed) !== 0) {
      throw new FencedError(
        "the head of the log was changed by something other than this gateway; keep a copy of the data folder and run `portcullis audit verify` on it",
      );
    }
    return mine;
  }
}

function takenOver(): FencedError {
  return new FencedError("another instance has taken over the log; stop this one");
}

export function lostHead(): OperatorError {
  return new OperatorError("the log in the data store has lost its head; restore the data store");
}

/** The value of a lowercase hexadecimal digit by its character code. */
const hexDigits = Int8Array.from({ length: 128 }, (_, code) =>
  "0123456789abcdef".indexOf(String.fromCharCode(code)),
);
const dash = "-".charCodeAt(0);

/**
 * A UUID takes 16 bytes as bytes and 36 as text. Null for what is none: `Buffer` would read what it can of it. By hand,
 * because an expression and `Buffer` cost a microsecond more, for each entry.
 */
export function idBytes(id: string): Uint8Array | null {
  if (id.length !== 36) return null;
  const bytes = Buffer.allocUnsafe(16);
  let at = 0;
  for (let filled = 0; filled < 16; filled += 1) {
    if ((at === 8 || at === 13 || at === 18 || at === 23) && id.charCodeAt(at++) !== dash) return null;
    const high = hexDigits[id.charCodeAt(at)] ?? -1;
    const low = hexDigits[id.charCodeAt(at + 1)] ?? -1;
    if (high < 0 || low < 0) return null;
    bytes[filled] = high * 16 + low;
    at += 2;
  }
  return bytes;
}
