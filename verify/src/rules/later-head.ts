// Whether what a log says of itself at the end is what it said at the beginning, or has grown from it: a server may show
// another head to whoever asks a second time.

import { checkpointFailureText, openCheckpoint } from "../log/checkpoint.ts";
import { consistencyProof, verifyConsistency } from "../log/merkle-proofs.ts";
import { hashBytes } from "../log/merkle-tree.ts";
import type { NoteVerifier } from "../log/signed-note.ts";
import { tileSubtrees } from "../log/tile-subtrees.ts";
import { type TilePlace, tilePath } from "../log/tiles.ts";
import type { EntrySource, TileReader } from "../source/entry-source.ts";
import type { LogFinding } from "./log-finding.ts";
import type { Mark } from "./marks.ts";

/** `first`: the head that the entries were read by. */
export async function checkLaterHead(
  source: EntrySource,
  tiles: TileReader,
  verifier: NoteVerifier,
  first: Mark,
  report: (finding: LogFinding) => void,
): Promise<void> {
  const [later] = await source.checkpoints(-1);
  if (later === undefined) return report({ reason: "log_went_back", expected: first.size, found: 0 });
  if (later.note === first.note) return;
  const opened = openCheckpoint(later.note, verifier);
  if (!opened.ok) {
    const detail = checkpointFailureText(opened.failure);
    return report({ reason: "invalid_checkpoint", checkpoint: "stored", detail, count: 1 });
  }
  const { size, root } = opened.value;
  if (size < first.size) return report({ reason: "log_went_back", expected: first.size, found: size });
  // Any tree extends the empty one.
  if (first.size === 0) return;
  try {
    const proof = await consistencyProof(
      first.size,
      size,
      tileSubtrees((tile) => hashesOf(tiles, tile), size),
    );
    if (verifyConsistency(first.size, size, proof, first.root, root)) return;
  } catch (fault) {
    if (!(fault instanceof UnreadableTileError)) throw fault;
    return report({ reason: "tile_missing", tile: fault.tile });
  }
  const [expected, found] = [first.root, root].map((one) => Buffer.from(one).toString("hex"));
  report({
    reason: "two_heads",
    size: first.size,
    later: size,
    expected: expected ?? "",
    found: found ?? "",
  });
}

/** A tile that there has to be is not there, or is none. */
class UnreadableTileError extends Error {
  override readonly name = "UnreadableTileError";
  readonly tile: string;

  constructor(tile: string) {
    super(`\`${tile}\` is not there, or no tile`);
    this.tile = tile;
  }
}

async function hashesOf(
  tiles: TileReader,
  tile: TilePlace & { readonly level: number },
): Promise<readonly Uint8Array[]> {
  const bytes = await tiles.hashes(tile);
  if (bytes?.length !== tile.width * hashBytes) throw new UnreadableTileError(tilePath(tile));
  return Array.from({ length: tile.width }, (_, at) => bytes.subarray(at * hashBytes, (at + 1) * hashBytes));
}
