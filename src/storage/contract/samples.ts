// What the contract suite stores, and a tree of its own to judge heads by: RFC 6962 §2.1 word for word, by recursion, so
// that it shares nothing with the tree that the gateway builds.

import { hash, randomBytes } from "node:crypto";
import type { LogHead } from "portcullis-verify/log/merkle-tree.ts";
import type { EncodedEntry } from "../../core/entry.ts";
import { uuidv7 } from "../../core/id.ts";
import type { KeptApiKey } from "../../identity/key-store.ts";

export function entry(text = "leaf", subject: string | null = null): EncodedEntry {
  const id = uuidv7(Date.now());
  const leaf = Buffer.from(JSON.stringify({ id, text }));
  return { id, leaf, salt: subject === null ? null : { bytes: randomBytes(32), subject } };
}

export function entries(count: number, text = "leaf"): readonly EncodedEntry[] {
  return Array.from({ length: count }, (_, at) => entry(`${text} ${at}`));
}

export function apiKey(changes: Partial<KeptApiKey> = {}): KeptApiKey {
  const id = `key_${uuidv7(Date.now())}`;
  return {
    id,
    application: "shop",
    hash: hash("sha256", id),
    hint: "pcl_abcd",
    createdAt: 1_700_000_000_000,
    createdBy: "op_1",
    expiresAt: null,
    revokedAt: null,
    mac: hash("sha256", `mac of ${id}`),
    ...changes,
  };
}

/** The head of a tree of these leaves: the hash of each full subtree that the size's binary digits name, largest first. */
export function headOf(leaves: readonly Uint8Array[]): LogHead {
  const frontier: Uint8Array[] = [];
  let start = 0;
  while (start < leaves.length) {
    const width = 2 ** Math.floor(Math.log2(leaves.length - start));
    frontier.push(treeHash(leaves.slice(start, start + width)));
    start += width;
  }
  return { size: leaves.length, frontier };
}

function treeHash(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves;
  if (only === undefined) return hash("sha256", "", "buffer");
  if (leaves.length === 1) return sha256(0x00, only);
  const split = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return sha256(0x01, treeHash(leaves.slice(0, split)), treeHash(leaves.slice(split)));
}

function sha256(prefix: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return hash("sha256", Buffer.concat([Uint8Array.of(prefix), ...parts]), "buffer");
}

/** Bytes, whatever kind of array they come in. */
export function hex(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString("hex");
}

export function hexHead(head: LogHead): {
  readonly size: number;
  readonly frontier: readonly (string | null)[];
} {
  return { size: head.size, frontier: head.frontier.map(hex) };
}
