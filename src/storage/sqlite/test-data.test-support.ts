// Data folders for tests, and the tree of RFC 6962 as an appender needs it.

import { hash } from "node:crypto";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StorageUnderTest } from "../contract/driver.ts";
import type { Storage } from "../storage.ts";
import type { TreeArithmetic } from "./log-appender.ts";
import { openSqliteStorage } from "./open.ts";

export const tree: TreeArithmetic = {
  leafHash: (leaf) => sha256(0x00, leaf),
  appendLeafHashes: (head, hashes) => {
    const frontier = [...head.frontier];
    let { size } = head;
    for (const appended of hashes) {
      let subtree = appended;
      for (let rest = size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
        subtree = sha256(0x01, frontier.pop() ?? Buffer.alloc(0), subtree);
      }
      frontier.push(subtree);
      size += 1;
    }
    return { size, frontier };
  },
};

function sha256(prefix: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return hash("sha256", Buffer.concat([Uint8Array.of(prefix), ...parts]), "buffer");
}

/** A folder that is gone after `use`. */
export async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = newFolder();
  try {
    await use(folder);
  } finally {
    removeFolder(folder);
  }
}

/** Storage for the contract suite, on real files. */
export async function openForContract(): Promise<StorageUnderTest> {
  const folders = [newFolder()];
  const [folder = ""] = folders;
  let open: Storage[] = [];
  const closeAll = async (): Promise<void> => {
    for (const storage of open.splice(0)) await storage.close();
  };
  const openIn = (where: string): Storage => {
    const storage = openSqliteStorage(where, tree);
    open = [...open, storage];
    return storage;
  };
  return {
    stores: openIn(folder),
    rival: async () => {
      // The same database through another folder, whose lock is another.
      const beside = newFolder();
      folders.push(beside);
      symlinkSync(join(folder, "portcullis.db"), join(beside, "portcullis.db"));
      return openIn(beside);
    },
    reopen: async () => {
      await closeAll();
      return openIn(folder);
    },
    close: async () => {
      await closeAll();
      for (const one of folders) removeFolder(one);
    },
  };
}

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "portcullis-storage-"));
}

function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
