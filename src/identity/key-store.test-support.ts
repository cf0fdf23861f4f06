// Keys in memory, faithful to the interface and open to tampering.

import type { EncodedEntry } from "../core/entry.ts";
import type { KeyEvents } from "./api-keys.ts";
import type { KeptApiKey, KeyEnd, KeyStore } from "./key-store.ts";

const entry = (): EncodedEntry => ({ id: "", leaf: new Uint8Array(), salt: null });

export const keyEvents: KeyEvents = {
  actorId: (name) => name,
  created: entry,
  rotated: entry,
  revoked: entry,
};

export class MemoryKeyStore implements KeyStore {
  rows: readonly KeptApiKey[] = [];
  /** Called before each end: stands for what others do between reading a key and ending it. */
  beforeEnd: () => void | Promise<void> = () => {};

  async list(): Promise<readonly KeptApiKey[]> {
    return this.rows;
  }

  async create(key: KeptApiKey): Promise<void> {
    this.rows = [...this.rows, key];
  }

  async rotate(old: KeyEnd, successor: KeptApiKey): Promise<boolean> {
    await this.beforeEnd();
    const found = this.#asRead(old);
    if (found === undefined || found.expiresAt !== null) return false;
    this.edit(old.id, { expiresAt: old.at, mac: old.to });
    this.rows = [...this.rows, successor];
    return true;
  }

  async revoke(end: KeyEnd): Promise<boolean> {
    await this.beforeEnd();
    if (this.#asRead(end) === undefined) return false;
    this.edit(end.id, { revokedAt: end.at, mac: end.to });
    return true;
  }

  /** As somebody who can write the database could. */
  edit(id: string, changes: Partial<KeptApiKey>): void {
    this.rows = this.rows.map((row) => (row.id === id ? { ...row, ...changes } : row));
  }

  #asRead({ id, from }: KeyEnd): KeptApiKey | undefined {
    return this.rows.find((row) => row.id === id && row.mac === from && row.revokedAt === null);
  }
}
