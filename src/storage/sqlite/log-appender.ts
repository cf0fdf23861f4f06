// Appending to the log inside whatever transaction is open, so that a state change and its entry are one commit.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type AppendReceipt, FencedError, type LogHead } from "../../audit/log-store.ts";
import type { EncodedEntry } from "../../core/entry.ts";

/** Merkle tree arithmetic (RFC 6962), which audit/ owns. */
export interface TreeArithmetic {
  leafHash(leaf: Uint8Array): Uint8Array;
  appendLeafHashes(head: LogHead, hashes: readonly Uint8Array[]): LogHead;
}

export class LogAppender {
  readonly #tree: TreeArithmetic;
  readonly #readHead: StatementSync;
  readonly #writeHead: StatementSync;
  readonly #insertEntry: StatementSync;
  readonly #insertId: StatementSync;
  readonly #insertSalt: StatementSync;
  /** Epoch that this process writes under; null until it has taken over, and then nothing can be appended. */
  #epoch: number | null = null;
  /** The head within the open transaction, and its leaves that the frontier does not count yet. */
  #head: LogHead | null = null;
  #hashes: Uint8Array[] = [];

  constructor(writer: DatabaseSync, tree: TreeArithmetic) {
    this.#tree = tree;
    this.#readHead = writer.prepare("SELECT epoch, size, frontier FROM log_head");
    this.#writeHead = writer.prepare(
      "UPDATE log_head SET size = ?, frontier = ? WHERE epoch = ? AND size = ?",
    );
    this.#insertEntry = writer.prepare("INSERT INTO entries VALUES (?, ?)");
    this.#insertId = writer.prepare("INSERT INTO entry_ids VALUES (?, ?)");
    this.#insertSalt = writer.prepare("INSERT INTO salts VALUES (?, ?, ?)");
  }

  setEpoch(epoch: number): void {
    this.#epoch = epoch;
  }

  /** Call within a transaction of the writer. */
  append(entries: readonly EncodedEntry[]): AppendReceipt {
    this.#head ??= this.#load();
    const firstIndex = this.#head.size + this.#hashes.length;
    let index = firstIndex;
    for (const entry of entries) {
      const id = idBytes(entry.id);
      if (id === null) throw new TypeError(`the id of an entry is a UUID, not \`${entry.id}\``);
      this.#insertEntry.run(index, entry.leaf);
      this.#insertId.run(id, index);
      if (entry.salt !== null) this.#insertSalt.run(id, entry.salt.subject, entry.salt.bytes);
      this.#hashes.push(this.#tree.leafHash(entry.leaf));
      index += 1;
    }
    return { firstIndex, size: index };
  }

  /** Moves the head with the leaves, once for the whole transaction, under the fence. */
  beforeCommit(): void {
    if (this.#head === null || this.#hashes.length === 0) return;
    const head = this.#tree.appendLeafHashes(this.#head, this.#hashes);
    const { changes } = this.#writeHead.run(
      head.size,
      packHashes(head.frontier),
      this.#epoch,
      this.#head.size,
    );
    if (changes !== 1) throw new FencedError("another instance has taken over this log");
    this.forget();
  }

  forget(): void {
    this.#head = null;
    this.#hashes = [];
  }

  #load(): LogHead {
    const row = this.#readHead.get();
    if (row === undefined || row["epoch"] !== this.#epoch)
      throw new FencedError("another instance has taken over this log");
    return { size: Number(row["size"]), frontier: unpackHashes(row["frontier"]) };
  }
}

const hashBytes = 32;

export function packHashes(hashes: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(hashes);
}

export function unpackHashes(packed: unknown): readonly Uint8Array[] {
  if (!(packed instanceof Uint8Array)) throw new TypeError("a frontier is not bytes");
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < packed.length; at += hashBytes) hashes.push(packed.slice(at, at + hashBytes));
  return hashes;
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A UUID takes 16 bytes as bytes and 36 as text. Null for what is none: `Buffer` would read what it can of it. */
export function idBytes(id: string): Uint8Array | null {
  return uuid.test(id) ? Buffer.from(id.replaceAll("-", ""), "hex") : null;
}
