// In-memory stand-ins for tests of the trail itself, faithful to the interfaces; the drivers have a suite of their own.

import type { LogHead } from "portcullis-verify/log/merkle-tree.ts";
import { emptyHead, leafHash } from "portcullis-verify/log/merkle-tree.ts";
import { appendToTiles, type TileHash } from "portcullis-verify/log/tiles.ts";
import type { EncodedEntry } from "../core/entry.ts";
import { OperatorError } from "../core/operator-error.ts";
import {
  type AppendReceipt,
  FencedError,
  type IdRecord,
  type LogContents,
  type LogIdentity,
  type LogStore,
  LogUnavailableError,
  type StoredCheckpoint,
  type StoredEntry,
} from "./log-store.ts";
import type { KeptEntry, Payload, PayloadStore, Subject } from "./payload-store.ts";

/** What survives a restart, open to tampering. Several stores over one state are several processes on one database. */
export interface LogState {
  identity: LogIdentity | null;
  epoch: number;
  head: LogHead;
  entries: EncodedEntry[];
  tileHashes: TileHash[];
  checkpoints: StoredCheckpoint[];
  /** Sizes of those that enough witnesses have cosigned. */
  witnessed: Set<number>;
  openFrom: number;
  /** While set, every append fails with it. */
  fault: Error | null;
}

export function newLogState(): LogState {
  return {
    identity: null,
    epoch: 0,
    head: emptyHead,
    entries: [],
    tileHashes: [],
    checkpoints: [],
    witnessed: new Set(),
    openFrom: 0,
    fault: null,
  };
}

export class MemoryLogStore implements LogStore {
  readonly peers = null;
  readonly state: LogState;
  #epoch = 0;

  constructor(state: LogState) {
    this.state = state;
  }

  async identity(): Promise<LogIdentity | null> {
    return this.state.identity;
  }

  async create(identity: LogIdentity): Promise<void> {
    if (this.state.identity !== null) throw new Error("the log has a name already");
    this.state.identity = identity;
  }

  async takeOver(): Promise<number> {
    this.state.epoch += 1;
    this.#epoch = this.state.epoch;
    return this.#epoch;
  }

  async head(): Promise<LogHead> {
    return this.state.head;
  }

  async append(entries: readonly EncodedEntry[]): Promise<AppendReceipt> {
    await Promise.resolve();
    if (this.#stopped !== null) throw new LogUnavailableError(this.#stopped);
    if (this.state.epoch !== this.#epoch) throw new FencedError("another instance took over");
    if (this.state.fault !== null) throw this.state.fault;
    const firstIndex = this.state.entries.length;
    this.state.entries.push(...entries);
    const { head, filled } = appendToTiles(
      this.state.head,
      entries.map((entry) => leafHash(entry.leaf)),
    );
    this.state.head = head;
    this.state.tileHashes.push(...filled);
    return { firstIndex, size: this.state.entries.length };
  }

  async read(from: number, to: number): Promise<readonly StoredEntry[]> {
    return this.state.entries
      .slice(from, Math.min(to, from + 10_000))
      .map((entry, position) => ({ index: from + position, leaf: entry.leaf }));
  }

  async tileHashes(level: number, from: number, to: number): Promise<readonly TileHash[]> {
    return this.state.tileHashes
      .filter((one) => one.level === level && one.index >= from && one.index < to)
      .sort((one, other) => one.index - other.index)
      .slice(0, 10_000);
  }

  async countTileHashes(level: number, to: number): Promise<number> {
    return this.state.tileHashes.filter((one) => one.level === level && one.index < to).length;
  }

  async putTileHashes(hashes: readonly TileHash[]): Promise<void> {
    await Promise.resolve();
    for (const one of hashes) {
      const kept = this.state.tileHashes.find(
        ({ level, index }) => level === one.level && index === one.index,
      );
      if (kept === undefined) this.state.tileHashes.push(one);
      else if (Buffer.compare(kept.hash, one.hash) !== 0) throw new OperatorError("another hash is there");
    }
  }

  async byId(id: string): Promise<StoredEntry | null> {
    const index = this.state.entries.findIndex((entry) => entry.id === id);
    const entry = this.state.entries[index];
    return entry === undefined ? null : { index, leaf: entry.leaf };
  }

  async salt(entryId: string): Promise<Uint8Array | null> {
    return this.state.entries.find((entry) => entry.id === entryId)?.salt?.bytes ?? null;
  }

  async putCheckpoint(checkpoint: StoredCheckpoint): Promise<void> {
    const last = this.state.checkpoints.at(-1);
    if (last !== undefined && checkpoint.size < last.size)
      throw new Error("smaller than the last checkpoint");
    this.state.checkpoints.push(checkpoint);
  }

  async latestCheckpoint(): Promise<StoredCheckpoint | null> {
    return this.state.checkpoints.at(-1) ?? null;
  }

  async putCosigned(size: number, note: string, meetsQuorum: boolean): Promise<void> {
    const { checkpoints, witnessed } = this.state;
    if (witnessed.has(size) && !meetsQuorum) return;
    const at = checkpoints.findIndex((checkpoint) => checkpoint.size === size);
    const kept = checkpoints[at];
    if (kept === undefined) return;
    checkpoints[at] = { ...kept, note };
    if (meetsQuorum) witnessed.add(size);
  }

  async witnessedCheckpoint(): Promise<StoredCheckpoint | null> {
    return this.state.checkpoints.findLast(({ size }) => this.state.witnessed.has(size)) ?? null;
  }

  async checkpointAt(size: number): Promise<StoredCheckpoint | null> {
    return this.state.checkpoints.find((checkpoint) => checkpoint.size === size) ?? null;
  }

  #stopped: string | null = null;

  stop(why: string): void {
    this.#stopped = why;
  }

  async upkeep(): Promise<string | null> {
    return null;
  }

  async checkpointAtOrBelow(size: number): Promise<StoredCheckpoint | null> {
    return this.state.checkpoints.findLast((kept) => kept.size <= size) ?? null;
  }

  async keptCheckpoints(after: number): Promise<readonly StoredCheckpoint[]> {
    const bySize = new Map(this.state.checkpoints.map((checkpoint) => [checkpoint.size, checkpoint]));
    return [...bySize.values()]
      .filter(({ size }) => size > after)
      .sort((one, other) => one.size - other.size)
      .slice(0, 1_000);
  }

  async contents(): Promise<LogContents> {
    const { head, epoch, openFrom, entries } = this.state;
    return {
      head: { ...head, epoch, openFrom },
      end: entries.length,
      strayEntries: Math.max(0, entries.length - head.size),
      ids: entries.length,
    };
  }

  async recordsOf(ids: readonly string[]): Promise<readonly IdRecord[]> {
    const kept = new Map(this.state.entries.map(({ id, salt }, index) => [id, { index, salt }]));
    return ids.map((id) => {
      const found = kept.get(id);
      return { index: found?.index ?? null, salt: found?.salt?.bytes ?? null };
    });
  }

  async openFrom(): Promise<number> {
    return this.state.openFrom;
  }

  async setOpenFrom(index: number): Promise<void> {
    this.state.openFrom = index;
  }
}

export const diskFull = new LogUnavailableError("no space left on the device");

export class MemoryPayloadStore implements PayloadStore {
  readonly subjects = new Map<string, Subject>();
  readonly payloads: Payload[] = [];
  readonly keyChecks = new Map<string, Uint8Array>();
  fault: Error | null = null;

  async keyCheck(name: string): Promise<Uint8Array | null> {
    return this.keyChecks.get(name) ?? null;
  }

  async ensureKeyCheck(name: string, value: Uint8Array): Promise<Uint8Array> {
    await Promise.resolve();
    const kept = this.keyChecks.get(name) ?? value;
    this.keyChecks.set(name, kept);
    return kept;
  }

  async ensureSubject(subject: Subject): Promise<Subject> {
    await Promise.resolve();
    const stored = this.#find(subject.lookup);
    if (stored !== null) return stored;
    this.subjects.set(subject.id, subject);
    return subject;
  }

  async subjectByLookup(lookup: Uint8Array): Promise<Subject | null> {
    return this.#find(lookup);
  }

  #find(lookup: Uint8Array): Subject | null {
    for (const subject of this.subjects.values()) {
      if (Buffer.compare(subject.lookup, lookup) === 0) return subject;
    }
    return null;
  }

  async subjectById(id: string): Promise<Subject | null> {
    return this.subjects.get(id) ?? null;
  }

  async putPayloads(payloads: readonly Payload[]): Promise<void> {
    await Promise.resolve();
    if (this.fault !== null) throw this.fault;
    this.payloads.push(...payloads);
  }

  async payloadsOf(entryId: string): Promise<readonly Payload[]> {
    return this.payloads.filter((payload) => payload.entryId === entryId);
  }

  async keptEntries(after: string, before: string): Promise<readonly KeptEntry[]> {
    const kept = new Map<string, number>();
    for (const { entryId, ciphertext } of this.payloads) {
      if (entryId > after && entryId < before)
        kept.set(entryId, (kept.get(entryId) ?? 0) + ciphertext.length);
    }
    const entries = [...kept].map(([entryId, bytes]) => ({ entryId, bytes }));
    return entries.toSorted((one, other) => (one.entryId < other.entryId ? -1 : 1)).slice(0, 100);
  }

  async removePayloads(entryIds: readonly string[]): Promise<void> {
    await Promise.resolve();
    if (this.fault !== null) throw this.fault;
    const left = this.payloads.filter(({ entryId }) => !entryIds.includes(entryId));
    this.payloads.splice(0, this.payloads.length, ...left);
  }
}
