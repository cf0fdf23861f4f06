// Whether the token in the gateway's own file gives a vote. It does while somebody tries things out: until a person is
// invited, or a provider other than the demo model is used. What ended that once has ended it for good: whoever has the
// file could otherwise get the vote back by removing everybody.

import { z } from "zod";
import { readTextFile, replaceFile } from "../core/durable-file.ts";
import type { BootstrapEnd, OperatorStore } from "./operator-store.ts";

const endSchema = z.enum(["operator_invited", "provider_used", "unknown_use"]).catch("unknown_use");

type VoteStore = Pick<OperatorStore, "bootstrapEnd" | "endBootstrap">;

export class BootstrapVote {
  readonly #store: VoteStore;
  readonly #path: string;
  #endedBy: BootstrapEnd | null = null;
  #inStore = false;
  #inFile = false;
  #keeping: Promise<void> | null = null;

  private constructor(store: VoteStore, path: string) {
    this.#store = store;
    this.#path = path;
  }

  /**
   * `path` is a file beside the keys, made when the vote ends: with the data store alone nobody brings it back. Whatever is
   * in it counts as an end. Rejects when file or store cannot be read.
   */
  static async open(store: VoteStore, path: string): Promise<BootstrapVote> {
    const vote = new BootstrapVote(store, path);
    const text = await readTextFile(path);
    if (text !== null) {
      vote.#endedBy = endSchema.parse(text.trim());
      vote.#inFile = true;
    }
    await vote.endedBy();
    return vote;
  }

  /** The end is on disk: nothing is left to be written down. */
  get endKept(): boolean {
    return this.#inStore && this.#inFile;
  }

  /** Why it gives no vote, or null. Rejects when nobody can tell, and then it gives none either. */
  async endedBy(): Promise<BootstrapEnd | null> {
    if (this.endKept) return this.#endedBy;
    const stored = await this.#store.bootstrapEnd();
    if (stored !== null) this.#inStore = true;
    this.#endedBy ??= stored;
    if (this.#endedBy !== null) await this.end(this.#endedBy);
    return this.#endedBy;
  }

  /** Resolves when it has ended and that survives whatever comes. In this process it has ended as soon as this is called. */
  async end(why: BootstrapEnd): Promise<void> {
    this.#endedBy ??= why;
    this.#keeping ??= this.#keep(this.#endedBy).finally(() => {
      this.#keeping = null;
    });
    await this.#keeping;
  }

  async #keep(why: BootstrapEnd): Promise<void> {
    if (!this.#inStore) await this.#store.endBootstrap(why);
    this.#inStore = true;
    if (!this.#inFile) await replaceFile(this.#path, `${why}\n`, 0o600);
    this.#inFile = true;
  }
}
