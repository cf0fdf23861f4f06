// Operators in memory, faithful to the interface and open to tampering.

import type { EncodedEntry } from "../core/entry.ts";
import type { BootstrapEnd, KeptOperatorToken, OperatorStore, OperatorTokenEnd } from "./operator-store.ts";

export class MemoryOperatorStore implements OperatorStore {
  rows: readonly KeptOperatorToken[] = [];
  entries: readonly EncodedEntry[] = [];
  ended: BootstrapEnd | null = null;
  /** Called before each change: stands for what others do between reading and changing. */
  beforeChange: () => void | Promise<void> = () => {};

  async list(): Promise<readonly KeptOperatorToken[]> {
    return this.rows;
  }

  async invite(
    token: KeptOperatorToken,
    replaced: readonly OperatorTokenEnd[],
    entry: EncodedEntry,
  ): Promise<boolean> {
    await this.beforeChange();
    if (this.rows.some(({ person, serial }) => person === token.person && serial === token.serial))
      return false;
    for (const end of replaced) this.#end(end);
    this.rows = [...this.rows, token];
    this.entries = [...this.entries, entry];
    this.ended ??= "operator_invited";
    return true;
  }

  async remove(end: OperatorTokenEnd, entry: EncodedEntry): Promise<boolean> {
    await this.beforeChange();
    if (!this.#end(end)) return false;
    this.entries = [...this.entries, entry];
    return true;
  }

  async bootstrapEnd(): Promise<BootstrapEnd | null> {
    return this.ended;
  }

  async endBootstrap(why: BootstrapEnd): Promise<void> {
    await this.beforeChange();
    this.ended ??= why;
  }

  /** As somebody who can write the database could. */
  edit(id: string, changes: Partial<KeptOperatorToken>): void {
    this.rows = this.rows.map((row) => (row.id === id ? { ...row, ...changes } : row));
  }

  #end({ id, at, from, to }: OperatorTokenEnd): boolean {
    const found = this.rows.some((row) => row.id === id && row.mac === from && row.revokedAt === null);
    if (found) this.edit(id, { revokedAt: at, mac: to });
    return found;
  }
}
