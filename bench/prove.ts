// How long proofs take from a large log on SQLite, and how many bytes it takes on disk for each leaf. Leaves are appended by
// one caller in large batches, because the filling is not what is measured.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { newSalt } from "portcullis-verify/leaves/commitment.ts";
import { consistencyProof, inclusionProof, verifyInclusion } from "portcullis-verify/log/merkle-proofs.ts";
import { leafHash, rootOf } from "portcullis-verify/log/merkle-tree.ts";
import { subtreesOf } from "../src/audit/stored-tree.ts";
import { uuidv7 } from "../src/core/id.ts";
import { openSqliteStorage } from "../src/storage/sqlite/open.ts";

const { values: options } = parseArgs({
  options: {
    leaves: { type: "string", default: "10000000" },
    proofs: { type: "string", default: "500" },
    "leaf-bytes": { type: "string", default: "700" },
    salts: { type: "boolean", default: true },
  },
  allowNegative: true,
});
const size = Number(options.leaves);
const proofs = Number(options.proofs);
const leafBytes = Number(options["leaf-bytes"]);
const batch = 5_000;

const folder = mkdtempSync(join(tmpdir(), "portcullis-prove-"));
const storage = openSqliteStorage(folder);
const { log } = storage;
await log.takeOver("inst_bench");
const filling = performance.now();
for (let from = 0; from < size; from += batch) {
  await log.append(Array.from({ length: Math.min(batch, size - from) }, (_, at) => entry(from + at)));
  if ((from + batch) % 1_000_000 === 0) console.error(`${from + batch} leaves`);
}
const filledS = (performance.now() - filling) / 1000;
const root = rootOf(await log.head());

const inclusion: number[] = [];
const consistency: number[] = [];
for (let run = 0; run < proofs; run += 1) {
  const index = Math.floor(Math.random() * size);
  const begun = performance.now();
  const path = await inclusionProof(index, size, subtreesOf(log, size));
  inclusion.push(performance.now() - begun);
  const [found] = await log.read(index, index + 1);
  if (found === undefined || !verifyInclusion(index, size, leafHash(found.leaf), path, root))
    throw new Error(`the proof of entry ${index} does not hold`);
  const from = performance.now();
  await consistencyProof(index + 1, size, subtreesOf(log, size));
  consistency.push(performance.now() - from);
}
const hashes = (await log.countTileHashes(1, size)) + (await log.countTileHashes(2, size));
await storage.close();
const bytes = statSync(join(folder, "portcullis.db")).size;
rmSync(folder, { recursive: true });

console.log(`${size} leaves of ${leafBytes} bytes, filled in ${filledS.toFixed(0)} s`);
console.log(`inclusion proof: ${timesOf(inclusion)}`);
console.log(`consistency proof: ${timesOf(consistency)}`);
console.log(
  `${(bytes / size).toFixed(1)} bytes on disk a leaf, its id${options.salts ? ", salt" : ""} and ${hashes} hashes of tiles included`,
);

function entry(index: number) {
  const leaf = Buffer.alloc(leafBytes, "x");
  leaf.write(String(index));
  const salt = options.salts ? { bytes: newSalt(), subject: "sub_bench" } : null;
  return { id: uuidv7(Date.now()), leaf, salt };
}

function timesOf(times: readonly number[]): string {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(2);
  return `${at(0.5)} ms median, ${at(0.99)} ms at 99 %, ${at(1)} ms at most`;
}
