// Exported logs that somebody has changed: without the log's key, and with it.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { signCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { noteSigner } from "portcullis-verify/log/signed-note.ts";
import { type Finding, findingText } from "portcullis-verify/rules/finding.ts";
import { type VerifyReport, verifyLog } from "portcullis-verify/rules/verify-log.ts";
import { filePath, type TileFetcher } from "portcullis-verify/source/tile-fetcher.ts";
import { writeTileFolder } from "portcullis-verify/source/tile-folder.test-support.ts";
import { tileSource } from "portcullis-verify/source/tile-source.ts";
import { completed, decided, record, testSigner, trailBench } from "../trail.test-support.ts";
import { approvedTurn } from "./approval-log.test-support.ts";
import { activated, told } from "./verify.test-support.ts";

/** By path. */
type Files = ReadonlyMap<string, Uint8Array>;

let leaves: readonly Uint8Array[] = [];
let files: Files = new Map();

before(async (t) => {
  assert.ok("after" in t);
  leaves = await leavesOfTrail(t, 400);
  files = filesOf(leaves);
});

/** Of three full bundles and a part of one. */
async function leavesOfTrail(t: TestContext, calls: number): Promise<readonly Uint8Array[]> {
  const bench = trailBench(t);
  const trail = await bench.open();
  await record(trail, activated);
  for (let call = 0; call < calls; call += 1) {
    bench.clock.time += 100;
    await record(trail, decided(`call_${call}`), completed(`call_${call}`));
  }
  await record(trail, ...approvedTurn("call_approved"));
  await trail.close();
  return bench.state.entries.map(({ leaf }) => leaf);
}

function filesOf(of: readonly Uint8Array[], signer = testSigner): Files {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-copy-"));
  writeTileFolder(folder, signer, of);
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const read = new Map(
    names.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(folder.length + 1), readFileSync(path)];
    }),
  );
  rmSync(folder, { recursive: true });
  return read;
}

function fetcherOf(copy: Files): TileFetcher {
  return { place: "a copy", fetch: async (file) => copy.get(filePath(file)) ?? null };
}

function verifyFiles(copy: Files, pinned: string | null = null): Promise<VerifyReport> {
  return verifyLog({ source: tileSource(fetcherOf(copy)), verifier: testSigner, pinned });
}

async function findingsOf(copy: Files, pinned: string | null = null): Promise<readonly Finding[]> {
  return told(await verifyFiles(copy, pinned));
}

const noteOf = (copy: Files): string => Buffer.from(copy.get("checkpoint") ?? []).toString();

function without(...paths: readonly string[]): Files {
  return new Map([...files].filter(([path]) => !paths.includes(path)));
}

describe("verifying a copy", () => {
  it("finds nothing in an untouched one, and says what a copy does not have", async () => {
    const report = await verifyFiles(files);
    assert.deepEqual(told(report), []);
    const { entries, tiles, checkpoints, unsealed, newest, payloads } = report.log;
    assert.deepEqual([entries, tiles, checkpoints, unsealed], [leaves.length, 5, 1, 0]);
    assert.equal(newest, noteOf(files));
    assert.equal(payloads.erasedOrMissing, null);
    assert.ok(report.notChecked.some(({ reason }) => reason === "copy"));
  });

  it("finds any changed byte of any file, and names the file or the entry", async () => {
    const change = fc.record({
      path: fc.constantFrom(...files.keys()),
      at: fc.nat(),
      bits: fc.integer({ min: 1, max: 255 }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ path, at, bits }) => {
        const bytes = Buffer.from(files.get(path) ?? []);
        const place = at % bytes.length;
        bytes[place] = (bytes[place] ?? 0) ^ bits;
        const found = await findingsOf(new Map([...files, [path, bytes]]));
        assert.ok(found.length > 0, `${path} at ${place} with ${bits}`);
        assert.ok(
          found.some((finding) => isNamed(finding, path)),
          found.map(findingText).join("\n"),
        );
      }),
      { numRuns: 150 },
    );
  });

  /** A bundle is named by itself where it cannot be taken apart, and else by its entry. */
  function isNamed(finding: Finding, path: string): boolean {
    if (path === "checkpoint") return /^(?:invalid|no)_checkpoint$/.test(finding.reason);
    if (path === "vkey") return finding.reason === "other_log";
    if ("tile" in finding && finding.tile === path) return true;
    const bundle = /^tile\/entries\/([0-9]{3})/.exec(path)?.[1];
    return bundle !== undefined && "entry" in finding && Math.floor(finding.entry / 256) === Number(bundle);
  }

  it("finds any file that is missing, and any that is cut off or goes on", async () => {
    for (const [path, bytes] of files) {
      if (path === "vkey") continue;
      const gone = await findingsOf(without(path));
      assert.ok(
        gone.some((one) => isNamed(one, path) || path === "checkpoint"),
        path,
      );
      for (const other of [bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.of(0)]), Buffer.alloc(0)]) {
        const found = await findingsOf(new Map([...files, [path, other]]));
        assert.ok(
          found.some((one) => isNamed(one, path)),
          `${path}: ${found.map(findingText).join("\n")}`,
        );
      }
    }
  });

  it("reads without the key's file, and takes a full tile where the partial one is gone", async () => {
    assert.deepEqual(await findingsOf(without("vkey")), []);
    const part = filesOf(leaves.slice(0, 600));
    const whole = [...files].filter(([path]) => path.endsWith("/002"));
    assert.equal(whole.length, 2);
    const partial = [...part].filter(([path]) => !path.includes("/002.p/"));
    assert.deepEqual(await findingsOf(new Map([...partial, ...whole])), []);
  });

  it("finds leaves that changed places, one too many, one too few, each with all tiles made anew", async () => {
    const at = 300;
    const changed: readonly (readonly Uint8Array[])[] = [
      leaves.with(at, leaves[at + 1] ?? Buffer.alloc(0)).with(at + 1, leaves[at] ?? Buffer.alloc(0)),
      leaves.toSpliced(at, 0, leaves[at] ?? Buffer.alloc(0)),
      leaves.toSpliced(at, 1),
    ];
    for (const other of changed) {
      const tiles = filesOf(other);
      const kept = new Map([...tiles, ["checkpoint", files.get("checkpoint") ?? Buffer.alloc(0)]]);
      const found = await findingsOf(kept);
      assert.ok(found.some(({ reason }) => reason === "root_mismatch" || reason === "tile_missing"));
      assert.ok(found.length > 0);
      // Signed anew by whoever has the key, only a head that was kept elsewhere shows it.
      const signed = await findingsOf(tiles, noteOf(files));
      assert.ok(
        signed.some((one) => "checkpoint" in one && one.checkpoint === "pinned"),
        JSON.stringify(signed),
      );
    }
  });

  it("finds an older copy and a cut-off end, against the head that was kept", async () => {
    const older = filesOf(leaves.slice(0, 400));
    assert.deepEqual(
      (await findingsOf(older)).filter(({ reason }) => reason === "log_truncated"),
      [],
    );
    assert.deepEqual(
      (await findingsOf(older, noteOf(files))).filter(({ reason }) => reason === "log_truncated"),
      [{ reason: "log_truncated", checkpoint: "pinned", expected: leaves.length, found: 400 }],
    );
  });

  it("holds against an older head that was kept, wherever in a bundle it ends", async () => {
    for (const size of [1, 255, 256, 257, 512, leaves.length]) {
      assert.deepEqual(await findingsOf(files, noteOf(filesOf(leaves.slice(0, size)))), [], String(size));
    }
  });

  it("takes no other log's key, and checks nothing that is not signed", async () => {
    const report = await verifyFiles(filesOf(leaves, noteSigner("gate.example/log", Buffer.alloc(32, 9))));
    assert.deepEqual(
      told(report).map(({ reason }) => reason),
      ["invalid_checkpoint", "other_log", "no_checkpoint"],
    );
    assert.ok(report.notChecked.some(({ reason }) => reason === "nothing_signed"));
  });

  it("does not look for long where a log claims entries without end", async () => {
    const claimed = signCheckpoint(testSigner, 2 ** 52, Buffer.alloc(32, 1));
    let asked = 0;
    const fetcher: TileFetcher = {
      place: "a server",
      fetch: async (file) => {
        asked += 1;
        return file === "checkpoint" ? Buffer.from(claimed) : null;
      },
    };
    const report = await verifyLog({ source: tileSource(fetcher), verifier: testSigner, pinned: null });
    assert.ok(told(report).some(({ reason }) => reason === "entries_missing"));
    assert.ok(asked < 10_000, `${asked} files asked for`);
  });

  it("finds a server that shows another head, or a smaller one, to whoever asks again", async () => {
    const smaller = filesOf(leaves.slice(0, 500));
    const forked = filesOf(leaves.with(400, leaves[401] ?? Buffer.alloc(0)));
    const grown = files;
    const first = filesOf(leaves.slice(0, 600));
    for (const [before_, after_, reason] of [
      [files, smaller, "log_went_back"],
      [files, forked, "two_heads"],
      [first, forked, "two_heads"],
      [first, grown, null],
    ] as const) {
      let shown = 0;
      const all = new Map([...after_, ...before_]);
      const fetcher: TileFetcher = {
        place: "a server",
        fetch: async (file) => {
          if (file !== "checkpoint") return all.get(filePath(file)) ?? null;
          shown += 1;
          return (shown === 1 ? before_ : after_).get("checkpoint") ?? null;
        },
      };
      const report = await verifyLog({ source: tileSource(fetcher), verifier: testSigner, pinned: null });
      assert.deepEqual(
        told(report).map((one) => one.reason),
        reason === null ? [] : [reason],
      );
    }
  });
});
