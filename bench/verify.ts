// How many entries a second the verifier checks, in layers 1 and 2, and how much memory it takes: of an exported log of the given
// size. Use: node bench/verify.ts [--entries 1000000] [--folder kept]

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findingText } from "portcullis-verify/rules/finding.ts";
import { verifyLog } from "portcullis-verify/rules/verify-log.ts";
import { folderFetcher } from "portcullis-verify/source/folder-fetcher.ts";
import { tileSource } from "portcullis-verify/source/tile-source.ts";
import { benchSigner } from "./trail-leaves.ts";

const { values: options } = parseArgs({
  options: {
    entries: { type: "string", default: "1000000" },
    /** Kept, and used again when it is there. */
    folder: { type: "string" },
  },
});
const folder = options.folder ?? mkdtempSync(join(tmpdir(), "portcullis-verify-"));
if (!existsSync(join(folder, "checkpoint"))) {
  const args = [join(import.meta.dirname, "trail-leaves.ts"), folder, options.entries];
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) process.exit(2);
}
let peakRss = 0;
const [from, before] = [performance.now(), process.cpuUsage()];
const report = await verifyLog({
  source: tileSource(folderFetcher(folder)),
  verifier: benchSigner,
  pinned: null,
  onProgress: ({ checked }) => {
    if (Math.floor(checked / 256) % 64 === 0) peakRss = Math.max(peakRss, process.memoryUsage.rss());
  },
});
const seconds = (performance.now() - from) / 1_000;
const { user, system } = process.cpuUsage(before);
const cpuSeconds = (user + system) / 1_000_000;
if (options.folder === undefined) rmSync(folder, { recursive: true });
for (const finding of report.findings.slice(0, 5)) console.log(findingText(finding));
const { entries, tiles } = report.log;
console.log(
  `${entries} entries, ${tiles} tiles, ${report.governance.approvals.released} approvals: ` +
    `${(entries / seconds).toFixed(0)} entries/s, ${(entries / cpuSeconds).toFixed(0)} per core-second, ` +
    `peak RSS ${(peakRss / 2 ** 20).toFixed(0)} MiB, ${report.ok ? "it holds" : "it does not hold"}`,
);
