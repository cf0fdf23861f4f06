// A copy of the database of one moment, beside a gateway that goes on writing.

import { randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { OperatorError } from "../../core/operator-error.ts";
import { dataFiles, makeOwnFile, makeOwnFolder, syncFolder } from "./data-files.ts";
import { openDatabaseReadOnly } from "./database.ts";
import { databaseFault } from "./sqlite-fault.ts";

/**
 * Makes `target` a data folder with a copy of the database in `folder`, of one moment and durable, and returns its size in
 * bytes. Killed, it leaves a folder that ends in `.tmp` and no `target`. The gateway is not held up; its write-ahead log
 * cannot be folded in as long as it takes. Throws `OperatorError`.
 *
 * `VACUUM INTO` and not SQLite's backup: that begins again with every commit of another process, and would never end beside
 * a busy gateway. It also leaves out pages that are free, where what was destroyed may have been.
 */
export function backUpDatabase(folder: string, target: string): number {
  const place = resolve(target);
  const source = openDatabaseReadOnly(folder);
  try {
    refuseTarget(resolve(folder), place);
    const aside = join(dirname(place), `${basename(place)}.${randomUUID()}.tmp`);
    try {
      makeOwnFolder(aside);
      const { database } = dataFiles(aside);
      makeOwnFile(database);
      // The connection itself cannot write; this would keep it from writing the copy too.
      source.exec("PRAGMA query_only = OFF");
      source.prepare("VACUUM INTO ?").run(database);
      makeDurable(aside, database);
      renameSync(aside, place);
      syncFolder(dirname(place));
      return statSync(dataFiles(place).database).size;
    } catch (fault) {
      rmSync(aside, { recursive: true, force: true });
      throw inWords(fault, place);
    }
  } finally {
    source.close();
  }
}

function refuseTarget(folder: string, place: string): void {
  if (!/^\.\.(?:[\\/]|$)/.test(relative(folder, place)))
    throw new OperatorError(`\`${place}\` lies in the data folder itself; name a place outside of it`);
  if (existsSync(place) && (!statSync(place).isDirectory() || readdirSync(place).length > 0))
    throw new OperatorError(`\`${place}\` exists already; name a folder that does not`);
}

function makeDurable(folder: string, database: string): void {
  const file = openSync(database, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  syncFolder(folder);
}

function inWords(fault: unknown, place: string): unknown {
  if (fault instanceof OperatorError) return fault;
  const why = databaseFault(fault) ?? (fault instanceof Error && "code" in fault ? String(fault.code) : null);
  return why === null ? fault : new OperatorError(`\`${place}\` could not be written: ${why}`);
}
