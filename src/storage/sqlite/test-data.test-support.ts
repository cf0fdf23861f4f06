// Data folders for tests.

import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StorageUnderTest } from "../contract/driver.ts";
import type { Storage } from "../storage.ts";
import { openSqliteStorage } from "./open.ts";

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
    const storage = openSqliteStorage(where);
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
    replace: (rival, instance) => rival.log.takeOver(instance),
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
