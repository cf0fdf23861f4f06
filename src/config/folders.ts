// Where the folders of the config really are. The key that opens the data must not travel with it, and a link or `..` hides
// that it does.

import { readlink, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { ConfigFinding } from "./config-finding.ts";

export interface ConfigFolders {
  readonly dataFolder: string;
  readonly keysFolder: string;
}

const maxLinks = 20;

/** Absolute paths; the folders need not exist yet. `place` is the key to find fault with. */
export async function checkFolders(
  folders: ConfigFolders,
  place: "data" | "keys",
): Promise<readonly ConfigFinding[]> {
  const [data, keys] = await Promise.all([realFolder(folders.dataFolder), realFolder(folders.keysFolder)]);
  if (!isWithin(keys, data)) return [];
  const message =
    "`keys` lies in the folder of `data`, so a copy of the data would hold what opens it; put it elsewhere";
  return [{ path: [place], message }];
}

/** With its links followed, those too that lead to what is made later. Links that go round in circles stay as they are. */
async function realFolder(path: string, links = 0): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    if (parent === path) return path;
    const target = links < maxLinks ? await readlink(path).catch(() => null) : null;
    if (target !== null) return await realFolder(resolve(parent, target), links + 1);
    return join(await realFolder(parent, links), basename(path));
  }
}

function isWithin(inner: string, outer: string): boolean {
  const way = relative(outer, inner);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
