// Has witnesses cosign the log's checkpoints, and gives out only those that enough of them have. Nothing waits for them: not
// calls, not signing. But what they show to have cosigned of this log binds: where it is more than there is, or other
// entries, nothing is signed any more.
//
// Checkpoints come faster than slow witnesses answer, so all are asked for the same one until enough have cosigned it or the
// others cannot be had; then for the newest. Each going its own way, they might never meet.

import { signCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { type Cosignature, cosignaturesOn, type WitnessVerifier } from "portcullis-verify/log/cosignature.ts";
import { emptyHead, rootOf } from "portcullis-verify/log/merkle-tree.ts";
import type { NoteSigner } from "portcullis-verify/log/signed-note.ts";
import { OperatorError } from "../../core/operator-error.ts";
import type { LogStore, StoredCheckpoint } from "../log-store.ts";
import type { WitnessConnection } from "./witness-connection.ts";
import { type OfferedCheckpoint, WitnessFeed } from "./witness-feed.ts";
import { type LaneOutcome, WitnessLane } from "./witness-lane.ts";
import { areEnough, isWitnessed, type WitnessQuorum } from "./witness-policy.ts";

export interface WitnessingOptions {
  readonly store: Pick<LogStore, "head" | "read" | "tileHashes" | "putCosigned" | "witnessedCheckpoint">;
  readonly witnesses: readonly {
    readonly verifier: WitnessVerifier;
    readonly connection: WitnessConnection;
  }[];
  readonly quorum: WitnessQuorum;
  readonly uptimeMs: () => number;
  /** Told when it changes: why a witness cannot be had, or null. */
  readonly onTrouble: (witness: string, why: string | null) => void;
}

/** How one witness keeps up. */
export interface WitnessStanding {
  readonly name: string;
  /** Entries that it is known to have cosigned; -1 while nothing is known. */
  readonly size: number;
  readonly outcomes: Readonly<Record<LaneOutcome, number>>;
}

export type PublishedCheckpoint = Pick<StoredCheckpoint, "size" | "note">;

/** How long a start, and an end, wait for witnesses. */
const patienceMs = 5_000;
/** Checkpoints whose late cosignatures are still added. */
const maxGathered = 16;

export class Witnessing {
  readonly #options: WitnessingOptions;
  readonly #lanes: readonly WitnessLane[];
  readonly #stopped = new AbortController();
  /** What all are asked for. */
  #target: OfferedCheckpoint | null = null;
  #newest: OfferedCheckpoint | null = null;
  /** By size, of the checkpoints that were asked for last. */
  readonly #gathered = new Map<number, readonly Cosignature[]>();
  #published: PublishedCheckpoint | null = null;
  #keeping: Promise<void> = Promise.resolve();
  #refusal: string | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: WitnessingOptions) {
    this.#options = options;
    const { store, uptimeMs } = options;
    this.#lanes = options.witnesses.map(({ verifier, connection }) => {
      const feed = new WitnessFeed({ verifier, connection, store });
      return new WitnessLane(verifier.name, feed, this.#listener(), uptimeMs);
    });
  }

  /** Why nothing may be signed any more, or null. */
  get refusal(): string | null {
    return this.#refusal;
  }

  /** The newest checkpoint that enough witnesses have cosigned, with their lines; null before the first. */
  get published(): PublishedCheckpoint | null {
    return this.#published;
  }

  get standing(): readonly WitnessStanding[] {
    return this.#lanes;
  }

  /**
   * Before anything is signed: shows each witness the last checkpoint that was, and hears what it knows. Those that cannot
   * be had do not hinder a start. Throws `OperatorError` when one has cosigned what this log is no continuation of.
   */
  async begin(signer: NoteSigner, last: OfferedCheckpoint | null): Promise<void> {
    await this.lookAgain();
    // Of an empty tree, where none was signed yet: every log goes on from it, and a witness that knows more says so.
    const root = rootOf(emptyHead);
    const shown = last ?? { size: 0, root, note: signCheckpoint(signer, 0, root) };
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(patienceMs)]);
    this.#target = shown;
    await Promise.all(this.#lanes.map((lane) => lane.want(shown, signal)));
    await this.#keeping;
    this.#target = null;
    if (this.#refusal !== null) {
      throw new OperatorError(
        `${this.#refusal}. Restore the newest copy of the data store. If the entries that are missing are lost for good, take the witness out of \`audit.witnesses\`: it cosigns nothing that does not go on from what it has cosigned, and neither will others who saw it`,
      );
    }
  }

  /** This gateway signed it, or would have: has it cosigned, in the background. */
  offer(checkpoint: OfferedCheckpoint): void {
    if (this.#newest === null || checkpoint.size >= this.#newest.size) this.#newest = checkpoint;
    this.#advance();
  }

  /** Another gateway signs, and sends what it signs; here only what it has gathered is read. */
  async lookOn(): Promise<void> {
    this.#newest = null;
    this.#target = null;
    await this.lookAgain();
  }

  async lookAgain(): Promise<void> {
    const kept = await this.#options.store.witnessedCheckpoint();
    if (kept === null || kept.size <= (this.#published?.size ?? -1)) return;
    // Another quorum may have been asked for when it was kept.
    if (isWitnessed(this.#options.quorum, kept.note)) this.#published = kept;
  }

  /** Waits a few seconds for what is offered to be cosigned by enough, then ends whatever is under way. Never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const patience = AbortSignal.timeout(patienceMs);
    const over = new Promise<void>((resolve) => patience.addEventListener("abort", () => resolve()));
    while (!patience.aborted && !this.#isThroughWithNewest()) {
      this.#advance();
      const underWay = this.#lanes.flatMap((lane) => lane.underWay ?? []);
      // Whoever has nothing under way now has it, or is left alone for longer than anybody waits here.
      if (underWay.length === 0) break;
      await Promise.race([...underWay, over]);
      await this.#keeping;
    }
    this.#stopped.abort();
    await this.#keeping;
    await Promise.all(this.#options.witnesses.map(({ connection }) => connection.close()));
  }

  #advance(): void {
    if (this.#stopped.signal.aborted || this.#refusal !== null || this.#newest === null) return;
    const { size } = this.#newest;
    if (this.#target === null || (size > this.#target.size && this.#isOver(this.#target)))
      this.#target = this.#newest;
    for (const lane of this.#lanes) void lane.want(this.#target, this.#stopped.signal);
  }

  /** Enough have cosigned it, or nobody else will for now. */
  #isOver({ size }: OfferedCheckpoint): boolean {
    return (this.#published?.size ?? -1) >= size || this.#lanes.every((lane) => lane.isThrough(size));
  }

  #isThroughWithNewest(): boolean {
    return this.#newest === null || this.#refusal !== null || this.#isOver(this.#newest);
  }

  #listener(): ConstructorParameters<typeof WitnessLane>[2] {
    return {
      cosigned: (checkpoint, cosignature) => this.#gather(checkpoint, cosignature),
      trouble: (witness, why) => this.#options.onTrouble(witness, why),
      contradicted: (witness, why) => {
        this.#refusal ??= `the witness \`${witness}\` contradicts the data store: ${why}; keep a copy of it and run \`portcullis audit verify\` on that`;
      },
      idle: () => this.#advance(),
    };
  }

  #gather(checkpoint: OfferedCheckpoint, cosignature: Cosignature): void {
    const { size, note } = checkpoint;
    // Of the empty tree that a first start shows nothing is kept.
    if (size === 0) return;
    const { quorum } = this.#options;
    const known = this.#gathered.get(size) ?? cosignaturesOf(quorum, note);
    const all = [...known.filter(({ witness }) => witness.vkey !== cosignature.witness.vkey), cosignature];
    this.#gathered.set(size, all);
    for (const other of [...this.#gathered.keys()].slice(0, -maxGathered)) this.#gathered.delete(other);
    this.#keep(size, withCosignatures(note, all), areEnough(quorum, all));
  }

  /** One after the other, and what is given out is durable before. */
  #keep(size: number, note: string, meetsQuorum: boolean): void {
    this.#keeping = this.#keeping.then(async () => {
      try {
        await this.#options.store.putCosigned(size, note, meetsQuorum);
        if (meetsQuorum && size >= (this.#published?.size ?? -1)) this.#published = { size, note };
      } catch {
        // The store says on other ways that it cannot be written; the next checkpoint is cosigned anew.
      }
      this.#advance();
    });
  }
}

function cosignaturesOf({ witnesses }: WitnessQuorum, note: string): readonly Cosignature[] {
  const found = cosignaturesOn(
    note,
    witnesses.map(({ verifier }) => verifier),
  );
  return found.ok ? found.value : [];
}

/** The log's own signatures come first, and stay; of each witness there is one. */
function withCosignatures(note: string, cosignatures: readonly Cosignature[]): string {
  const end = note.lastIndexOf("\n\n") + 2;
  const ours = note
    .slice(end)
    .split("\n")
    .filter((line) => line !== "" && !cosignatures.some(({ witness }) => isBy(witness, line)));
  return `${note.slice(0, end)}${[...ours, ...cosignatures.map(({ line }) => line)].join("\n")}\n`;
}

function isBy({ name, keyId }: WitnessVerifier, line: string): boolean {
  const [, by, signature = ""] = line.split(" ");
  return by === name && Buffer.from(signature, "base64").readUInt32BE(0) === keyId;
}
