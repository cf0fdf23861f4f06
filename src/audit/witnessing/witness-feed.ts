// Keeping one witness up with the log: sends it a checkpoint with the proof that this goes on from what it signed before, and
// understands what it says to that (c2sp.org/tlog-witness).

import { type Cosignature, cosignaturesOn, type WitnessVerifier } from "portcullis-verify/log/cosignature.ts";
import { consistencyProof, verifyConsistency } from "portcullis-verify/log/merkle-proofs.ts";
import { rootOf } from "portcullis-verify/log/merkle-tree.ts";
import {
  encodeWitnessRequest,
  parseSizeLine,
  sizeContentType,
} from "portcullis-verify/log/witness-request.ts";
import type { LogStore, StoredCheckpoint } from "../log-store.ts";
import { subtreesOf } from "../stored-tree.ts";
import { headOf } from "./stored-head.ts";
import type { WitnessConnection, WitnessReply } from "./witness-connection.ts";

/** A checkpoint as it goes to witnesses. */
export type OfferedCheckpoint = Pick<StoredCheckpoint, "size" | "root" | "note">;

export type FeedOutcome =
  | { readonly kind: "cosigned"; readonly cosignature: Cosignature }
  /** It has cosigned a later one of this log, which goes on from this one or not: the next checkpoint shows. */
  | { readonly kind: "ahead"; readonly size: number }
  /** It has cosigned what this log is not a continuation of: more entries than there are, or others. */
  | { readonly kind: "contradicted"; readonly why: string }
  | { readonly kind: "failed"; readonly reason: "unreachable" | "refused" | "invalid"; readonly why: string };

export interface WitnessFeedOptions {
  readonly verifier: WitnessVerifier;
  readonly connection: WitnessConnection;
  readonly store: Pick<LogStore, "head" | "read" | "tileHashes">;
}

/** A size that is named and then not taken, over and over, is no answer. */
const maxRequests = 6;

export class WitnessFeed {
  readonly #options: WitnessFeedOptions;
  /** What it has cosigned last, as far as known; 0 also asks for it. */
  #size = 0;

  constructor(options: WitnessFeedOptions) {
    this.#options = options;
  }

  /** Rejects only where the store cannot be read. */
  async ask(checkpoint: OfferedCheckpoint, signal: AbortSignal): Promise<FeedOutcome> {
    let claims = 0;
    for (let request = 0; request < maxRequests; request += 1) {
      if (this.#size > checkpoint.size) return { kind: "ahead", size: this.#size };
      const proof = await this.#proof(checkpoint);
      const { note } = checkpoint;
      const body = encodeWitnessRequest({ oldSize: this.#size, proof, note });
      const reply = await this.#options.connection.addCheckpoint(body, signal);
      if (!reply.ok) return { kind: "failed", reason: "unreachable", why: reply.failure };
      const outcome = await this.#understand(reply.value, checkpoint, proof);
      if (outcome === "again") continue;
      if (outcome.kind !== "contradicted") return outcome;
      // Said twice, the second time from the beginning: an answer that was mangled on the way ends nothing.
      claims += 1;
      if (claims === 2) return outcome;
      this.#size = 0;
    }
    return { kind: "failed", reason: "invalid", why: "it refuses the size that it names" };
  }

  async #proof(checkpoint: OfferedCheckpoint): Promise<readonly Uint8Array[]> {
    if (this.#size === 0 || this.#size === checkpoint.size) return [];
    const read = subtreesOf(this.#options.store, checkpoint.size);
    return consistencyProof(this.#size, checkpoint.size, read);
  }

  async #understand(
    reply: WitnessReply,
    checkpoint: OfferedCheckpoint,
    proof: readonly Uint8Array[],
  ): Promise<FeedOutcome | "again"> {
    switch (reply.status) {
      case 200:
        return this.#cosigned(reply, checkpoint);
      case 409:
        return this.#conflict(reply);
      case 422:
        return this.#disagrees(reply, checkpoint, proof);
      default:
        return refused(reply);
    }
  }

  /** Cosignatures of keys that it is not known by are left out, as the specification says. */
  #cosigned({ body }: WitnessReply, { note, size }: OfferedCheckpoint): FeedOutcome {
    const { verifier } = this.#options;
    // Not what the note may have of this witness from before: its answer is what counts.
    const text = note.slice(0, note.lastIndexOf("\n\n") + 2);
    const found = cosignaturesOn(text + body, [verifier]);
    const why = `it gave no cosignature of \`${verifier.vkey}\``;
    const [cosignature] = found.ok ? found.value : [];
    if (cosignature === undefined) return { kind: "failed", reason: "invalid", why };
    this.#size = size;
    return { kind: "cosigned", cosignature };
  }

  async #conflict({ contentType, body }: WitnessReply): Promise<FeedOutcome | "again"> {
    const size = contentType.split(";")[0] === sizeContentType ? parseSizeLine(body) : null;
    if (size === null) return { kind: "failed", reason: "invalid", why: "its conflict names no size" };
    // Read after its answer: whatever a gateway sent it was in the log before.
    const { size: entries } = await this.#options.store.head();
    if (size > entries) {
      return {
        kind: "contradicted",
        why: `it has cosigned ${size} entries of this log, and the data store has ${entries}`,
      };
    }
    this.#size = size;
    return "again";
  }

  async #disagrees(
    reply: WitnessReply,
    { size, root }: OfferedCheckpoint,
    proof: readonly Uint8Array[],
  ): Promise<FeedOutcome> {
    if (this.#size === 0) return refused(reply);
    // What does not prove anything to ourselves says nothing about the witness.
    const before = rootOf(await headOf(this.#options.store, this.#size));
    if (!verifyConsistency(this.#size, size, proof, before, root)) {
      const why = "the stored tree does not prove itself; run `portcullis audit verify`";
      return { kind: "failed", reason: "invalid", why };
    }
    return {
      kind: "contradicted",
      why: `the first ${this.#size} entries that it has cosigned of this log are not those in the data store`,
    };
  }
}

function refused({ status, body }: WitnessReply): FeedOutcome {
  // Its words, as far as they are one line of plain text.
  const [said = ""] = body.slice(0, 200).split("\n");
  const words = /^[\x20-\x7e]+$/.test(said) ? `: ${said}` : "";
  return { kind: "failed", reason: "refused", why: `it answered ${status}${words}` };
}
