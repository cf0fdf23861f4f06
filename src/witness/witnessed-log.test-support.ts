// A log for tests of witnesses: its tree at every size, with checkpoints and proofs of it.

import { signCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { consistencyProof } from "portcullis-verify/log/merkle-proofs.ts";
import {
  appendLeafHashes,
  emptyHead,
  leafHash,
  nodeHash,
  rootOf,
} from "portcullis-verify/log/merkle-tree.ts";
import { type NoteSigner, noteSigner } from "portcullis-verify/log/signed-note.ts";
import { encodeWitnessRequest } from "portcullis-verify/log/witness-request.ts";

export class WitnessedTestLog {
  readonly signer: NoteSigner;
  readonly #fork: string;
  readonly #forkAt: number;

  /** Logs with the same seed have the same key, and with another `fork` other entries from `forkAt` on. */
  constructor(seed: number, fork = "", forkAt = 0) {
    this.signer = noteSigner(`gate.example/log-${seed}`, Buffer.alloc(32, seed));
    this.#fork = fork;
    this.#forkAt = forkAt;
  }

  note(size: number): string {
    const leaves = Array.from({ length: size }, (_, index) => this.#leaf(index));
    return signCheckpoint(this.signer, size, rootOf(appendLeafHashes(emptyHead, leaves)));
  }

  async proof(from: number, to: number): Promise<readonly Uint8Array[]> {
    return from === 0 ? [] : consistencyProof(from, to, async (level, index) => this.#subtree(level, index));
  }

  /** The body that asks to cosign the checkpoint of `to`, proved from `from`. */
  async request(from: number, to: number): Promise<string> {
    return encodeWitnessRequest({ oldSize: from, proof: await this.proof(from, to), note: this.note(to) });
  }

  #leaf(index: number): Uint8Array {
    return leafHash(Buffer.from(`entry ${index}${index >= this.#forkAt ? this.#fork : ""}`));
  }

  #subtree(level: number, index: number): Uint8Array {
    if (level === 0) return this.#leaf(index);
    return nodeHash(this.#subtree(level - 1, 2 * index), this.#subtree(level - 1, 2 * index + 1));
  }
}
