// Where the log is that `audit verify` checks: a data folder, or the database that a config names.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { openPostgresReadOnly, openSqliteReadOnly, type ReadOnlyRecord } from "../compose.ts";
import { loadConfig } from "../config/load.ts";
import { dataFolder } from "./data-folder.ts";
import { readConfig } from "./serve.ts";

export interface LogPlace {
  /** In words. */
  readonly name: string;
  /** Where the gateway keeps its keys, and the checkpoint beside the log. */
  readonly keysFolder: string;
  open(): Promise<ReadOnlyRecord>;
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
    keysFolder,
    open: async () => openSqliteReadOnly(folder),
  };
}

function onServer(url: string, keysFolder: string): LogPlace {
  return {
    name: "the database",
    keysFolder,
    open: () => openPostgresReadOnly(url),
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
