// The folder of a copy, laid out as c2sp.org/tlog-tiles says, with `vkey` and the policies that entries name beside it. Each
// file is whole or not there.

import { constants } from "node:fs";
import { mkdir, open, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hashBytes } from "portcullis-verify/log/merkle-tree.ts";
import { decodeBundle, encodeBundle, type TilePlace, tilePath } from "portcullis-verify/log/tiles.ts";
import { hasErrorCode, removeLeftovers, replaceFile } from "../../core/durable-file.ts";

const mode = 0o644;
const maxNoteBytes = 65_536;
const maxPoliciesBytes = 64 * 1024 * 1024;
/** A length and the longest entry. */
const maxBundled = 2 + 65_535;
/** What a killed copy was writing; another that runs takes no minute to write a file. */
const leftoverMs = 60_000;

export class CopyFolder {
  readonly folder: string;
  readonly #known = new Set<string>();

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Whether there is nothing in it, or it is not there. */
  async isEmpty(): Promise<boolean> {
    try {
      return (await readdir(this.folder)).length === 0;
    } catch (error) {
      if (hasErrorCode(error, "ENOENT")) return true;
      throw error;
    }
  }

  async vkey(): Promise<string | null> {
    return (await this.#read("vkey", maxNoteBytes))?.toString("utf8").trimEnd() ?? null;
  }

  async checkpoint(): Promise<string | null> {
    return (await this.#read("checkpoint", maxNoteBytes))?.toString("utf8") ?? null;
  }

  async hasPolicies(revision: string): Promise<boolean> {
    return (await this.#read(policiesPath(revision), maxPoliciesBytes)) !== null;
  }

  /** Null when the tile is not there, or is none. */
  async hashes(place: TilePlace): Promise<readonly Uint8Array[] | null> {
    const bytes = await this.#read(tilePath(place), place.width * hashBytes);
    if (bytes?.length !== place.width * hashBytes) return null;
    return Array.from({ length: place.width }, (_, at) =>
      bytes.subarray(at * hashBytes, (at + 1) * hashBytes),
    );
  }

  /** Null when the bundle is not there, or is none. */
  async leaves(place: TilePlace): Promise<readonly Uint8Array[] | null> {
    const bytes = await this.#read(tilePath(place), place.width * maxBundled);
    const leaves = bytes === null ? null : decodeBundle(bytes, place.width);
    return leaves?.ok === true ? leaves.value : null;
  }

  putVkey(vkey: string): Promise<void> {
    return this.#write("vkey", `${vkey}\n`);
  }

  putCheckpoint(note: string): Promise<void> {
    return this.#write("checkpoint", note);
  }

  putPolicies(revision: string, content: string): Promise<void> {
    return this.#write(policiesPath(revision), content);
  }

  putHashes(place: TilePlace, hashes: readonly Uint8Array[]): Promise<void> {
    return this.#write(tilePath(place), Buffer.concat(hashes));
  }

  putLeaves(place: TilePlace, leaves: readonly Uint8Array[]): Promise<void> {
    return this.#write(tilePath(place), encodeBundle(leaves));
  }

  async #read(name: string, maxBytes: number): Promise<Buffer | null> {
    try {
      // Opening what is no file (a pipe, say) would wait for whoever writes to it.
      await using file = await open(join(this.folder, name), constants.O_RDONLY | constants.O_NONBLOCK);
      const { size } = await file.stat();
      return size > maxBytes ? Buffer.alloc(0) : await file.readFile();
    } catch (error) {
      if (hasErrorCode(error, "ENOENT") || hasErrorCode(error, "ENOTDIR")) return null;
      throw error;
    }
  }

  async #write(name: string, content: string | Uint8Array): Promise<void> {
    const path = join(this.folder, name);
    const parent = dirname(path);
    if (!this.#known.has(parent)) {
      await mkdir(parent, { recursive: true });
      removeLeftovers(parent, leftoverMs);
      this.#known.add(parent);
    }
    await replaceFile(path, content, mode);
  }
}

function policiesPath(revision: string): string {
  return `revisions/${revision}.json`;
}
