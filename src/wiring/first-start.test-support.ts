// A first start that kills itself before its n-th step that lasts: a sync, a rename, a link, a removal, a commit. Run as
// `node first-start.test-support.ts <folder> <n>`; it ends by itself, with "done", when it has fewer steps.

import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { StatementSync } from "node:sqlite";
import { pino } from "pino";

const [folder, at] = process.argv.slice(2);
if (folder === undefined || at === undefined) throw new TypeError("name the folder and the step");

let steps = 0;
function step(): void {
  steps += 1;
  if (steps === Number(at)) process.kill(process.pid, "SIGKILL");
}

await killBeforeSteps();
const { openDatabase } = await import("../storage/sqlite/database.ts");
const { storageOn } = await import("../storage/sqlite/open.ts");
const { openRecord } = await import("./record.ts");
// In this thread, where its steps are counted.
const storage = storageOn(openDatabase(join(folder, "data")));
const record = await openRecord({
  log: storage.log,
  payloads: storage.payloads,
  keysFolder: join(folder, "keys"),
  kek: { keyId: "kek", wrap: (bytes) => Buffer.concat([bytes, randomBytes(1)]), unwrap: (bytes) => bytes },
  origin: null,
  version: "0.1.0",
  faults: pino({ level: "silent" }),
});
fs.writeSync(1, "done\n");
await record.trail.close();
await storage.close();

async function killBeforeSteps(): Promise<void> {
  const { promises } = fs;
  for (const name of ["link", "rename", "rm"] as const) patch(promises, name);
  patch(fs, "fsyncSync");
  const handle = await promises.open(import.meta.filename);
  patch(Object.getPrototypeOf(handle), "sync");
  await handle.close();
  patch(
    StatementSync.prototype,
    "run",
    (statement) => Reflect.get(Object(statement), "sourceSQL") === "COMMIT",
  );
  syncBuiltinESMExports();
}

function patch(owner: object, name: string, lasts: (of: unknown) => boolean = () => true): void {
  const real: unknown = Reflect.get(owner, name);
  if (typeof real !== "function") throw new TypeError(`there is no ${name}`);
  Reflect.set(owner, name, function (this: unknown, ...values: unknown[]): unknown {
    if (lasts(this)) step();
    return Reflect.apply(real, this, values);
  });
}
