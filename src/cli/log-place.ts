// Where the log is that `audit verify` checks: a data folder, or the database that a config names.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { LogStore } from "../audit/log-store.ts";
import { openPostgresLogReadOnly, openSqliteLogReadOnly } from "../compose.ts";
import { loadConfig } from "../config/load.ts";
import { dataFolder } from "./data-folder.ts";
import { readConfig } from "./serve.ts";

export interface LogPlace {
  /** In words. */
  readonly name: string;
  /** The checkpoint that the gateway keeps beside the log. */
  readonly kept: string;
  open(): Promise<{ readonly log: LogStore; close(): Promise<void> | void }>;
}

/** `config` is named by whoever asks; without it one in the gateway's folder counts when it names a database. */
export async function logPlace(dir: string | undefined, config: string | undefined): Promise<LogPlace> {
  if (config !== undefined) {
    const { config: read, dataFolder, keysFolder } = await readConfig(config);
    return read.database === undefined
      ? inFolder(dataFolder, keysFolder)
      : onServer(read.database, keysFolder);
  }
  const folder = dataFolder(dir);
  const beside = await databaseBeside(folder);
  return beside ?? inFolder(folder, join(dirname(folder), "keys"));
}

function inFolder(folder: string, keysFolder: string): LogPlace {
  return {
    name: `\`${folder}\``,
    kept: join(keysFolder, "checkpoint"),
    open: async () => openSqliteLogReadOnly(folder),
  };
}

function onServer(url: string, keysFolder: string): LogPlace {
  return {
    name: "the database",
    kept: join(keysFolder, "checkpoint"),
    open: () => openPostgresLogReadOnly(url),
  };
}

/** A folder with a database in it is what was meant, whatever a config says. */
async function databaseBeside(folder: string): Promise<LogPlace | null> {
  if (existsSync(join(folder, "portcullis.db"))) return null;
  for (const one of [folder, dirname(folder)]) {
    const loaded = await loadConfig(join(one, "portcullis.yaml"));
    if (loaded.ok && loaded.value.config.database !== undefined)
      return onServer(loaded.value.config.database, loaded.value.keysFolder);
  }
  return null;
}
