// How many leaves a second the log takes on SQLite, from callers that each append two and wait, as calls do.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { newSalt } from "portcullis-verify/leaves/commitment.ts";
import { uuidv7 } from "../src/core/id.ts";
import { openSqliteStorage } from "../src/storage/sqlite/open.ts";

const { values: options } = parseArgs({
  options: {
    callers: { type: "string", default: "64" },
    seconds: { type: "string", default: "5" },
    "leaf-bytes": { type: "string", default: "700" },
  },
});
const callers = Number(options.callers);
const measureMs = Number(options.seconds) * 1000;
const leaf = Buffer.alloc(Number(options["leaf-bytes"]), "x");

const folder = mkdtempSync(join(tmpdir(), "portcullis-append-"));
const storage = openSqliteStorage(folder);
await storage.log.takeOver("inst_bench");
let appended = 0;
let stopping = false;
const entry = () => ({ id: uuidv7(Date.now()), leaf, salt: { bytes: newSalt(), subject: "sub_bench" } });
const running = Array.from({ length: callers }, async () => {
  while (!stopping) {
    await storage.log.append([entry(), entry()]);
    appended += 2;
  }
});
await new Promise((resolve) => setTimeout(resolve, 2_000));
const [from, before] = [performance.now(), appended];
await new Promise((resolve) => setTimeout(resolve, measureMs));
const rate = ((appended - before) * 1000) / (performance.now() - from);
stopping = true;
await Promise.all(running);
await storage.close();
rmSync(folder, { recursive: true });
console.log(
  `${rate.toFixed(0)} leaves/s of ${leaf.length} bytes, ${callers} callers, two leaves an append, each durable`,
);
