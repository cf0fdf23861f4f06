// What a driver shows the contract suite.

import assert from "node:assert/strict";
import type { LogStore } from "../../audit/log-store.ts";
import type { EncodedEntry } from "../../core/entry.ts";
import type { Storage } from "../storage.ts";
import { headOf, hex, hexHead } from "./samples.ts";

export interface StorageUnderTest {
  readonly stores: Storage;
  /** Another gateway's storage on the same data, past whatever keeps two gateways apart: what the fence has to hold against. */
  rival(): Promise<Storage>;
  /** Has the rival take over, and the others fenced: on a database that one gateway writes at a time they are thereby. Its epoch. */
  replace(rival: Storage, instance: string): Promise<number>;
  /** Closes everything and opens the same data again. */
  reopen(): Promise<Storage>;
  /** Closes everything. */
  close(): Promise<void>;
}

/** Fresh data for every call. */
export type OpenStorage = () => Promise<StorageUnderTest>;

/** Runs with storage that has taken over its log, and closes it however that ends. */
export async function withStorage(
  open: OpenStorage,
  use: (stores: Storage, opened: StorageUnderTest) => Promise<void>,
): Promise<void> {
  const opened = await open();
  try {
    await opened.stores.log.takeOver("inst_1");
    await use(opened.stores, opened);
  } finally {
    await opened.close();
  }
}

/** The log holds exactly these entries, in this order, and its head is that of their tree. */
export async function assertLogHolds(log: LogStore, expected: readonly EncodedEntry[]): Promise<void> {
  const stored = await log.read(0, expected.length + 10);
  assert.deepEqual(
    stored.map(({ index, leaf }) => ({ index, leaf: hex(leaf) })),
    expected.map(({ leaf }, index) => ({ index, leaf: hex(leaf) })),
  );
  assert.deepEqual(hexHead(await log.head()), hexHead(headOf(expected.map(({ leaf }) => leaf))));
}
