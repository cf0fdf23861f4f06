// Noticing that the policy folder has changed. The system's notices come at once but not everywhere (network file
// systems, a folder that was replaced), so the folder is also looked at every few seconds.

import { type FSWatcher, watch } from "node:fs";
import { folderSignature } from "./policy-source.ts";

export interface FolderWatch {
  close(): void;
}

export interface WatchTimes {
  /** A change of several files is over when nothing more has changed for so long, in milliseconds. */
  readonly settleMs: number;
  readonly rescanMs: number;
}

export const defaultWatchTimes: WatchTimes = { settleMs: 200, rescanMs: 2_000 };

/** A change that does not come to rest, for whatever else goes on in the folder, is told of after so many settle times. */
const longestBurst = 10;

/** Calls `changed` once after each burst of changes. Keeps no process alive. */
export function watchFolder(folder: string, changed: () => void, times: WatchTimes): FolderWatch {
  let closed = false;
  let settling: NodeJS.Timeout | null = null;
  let latest: NodeJS.Timeout | null = null;
  let signature: string | null = null;
  const forget = (): void => {
    if (settling !== null) clearTimeout(settling);
    if (latest !== null) clearTimeout(latest);
    settling = null;
    latest = null;
  };
  const tell = (): void => {
    forget();
    changed();
  };
  const noticed = (): void => {
    if (closed) return;
    if (settling !== null) clearTimeout(settling);
    settling = setTimeout(tell, times.settleMs).unref();
    latest ??= setTimeout(tell, longestBurst * times.settleMs).unref();
  };
  const rescan = async (): Promise<void> => {
    const now = await folderSignature(folder);
    // The first look counts as a change too: there may have been one since the folder was loaded.
    if (now !== signature) noticed();
    signature = now;
    if (!closed) timer = setTimeout(() => void rescan(), times.rescanMs).unref();
  };
  let timer = setTimeout(() => void rescan(), 0).unref();
  const notices = systemNotices(folder, noticed);
  return {
    close: () => {
      closed = true;
      clearTimeout(timer);
      forget();
      notices?.close();
    },
  };
}

// Without them there is still the rescan.
function systemNotices(folder: string, noticed: () => void): FSWatcher | null {
  try {
    const watcher = watch(folder, { recursive: true, persistent: false }, noticed);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return null;
  }
}
