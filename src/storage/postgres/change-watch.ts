// How far one kind of change has been looked at. Changes are counted, and the count says whether every notice was heard: as
// long as it was, only what they name is looked at, else everything.

import type { LookAtChanges } from "../storage.ts";
import type { Notice } from "./write-transaction.ts";

export class ChangeWatch {
  readonly #look: LookAtChanges;
  /** The count up to which all is looked at or about to be; below every count when a look has failed. */
  #seen = -1;
  /** The count of the last look at it, or of a notice that was missed. */
  #counted = -1;
  /** Whether notices of this kind say what was changed, so that to look at everything is worth a moment's patience. */
  #isNamed = false;
  #named = new Set<string>();
  #all = false;
  #looking: Promise<void> | null = null;

  constructor(look: LookAtChanges) {
    this.#look = look;
  }

  /** False when it is not the next change, so that others must have been missed. */
  isTold({ count, which }: Omit<Notice, "what">): boolean {
    if (count <= this.#seen) return true;
    if (count !== this.#seen + 1) {
      this.#counted = Math.max(this.#counted, count - 1);
      return false;
    }
    this.#seen = count;
    this.#isNamed = which !== null;
    if (which === null) this.#all = true;
    else this.#named.add(which);
    // What fails is looked at again by whoever compares the counts next.
    this.#lookNow().catch(() => undefined);
    return true;
  }

  /**
   * `count` is how many there are. Resolves when all is looked at of which no notice was heard and none can be on its way any
   * more: those that the count before counted. Rejects when it cannot be.
   */
  async catchUp(count: number): Promise<void> {
    // Notices may have been faster than the count.
    if (count <= this.#seen) return;
    const mayBeOnItsWay = this.#isNamed && this.#seen >= 0 && this.#counted <= this.#seen;
    this.#counted = count;
    if (mayBeOnItsWay) return;
    this.#seen = count;
    this.#all = true;
    await this.#lookNow();
  }

  /** Resolves when no look is under way. */
  async idle(): Promise<void> {
    await this.#looking?.catch(() => undefined);
  }

  #lookNow(): Promise<void> {
    this.#looking ??= this.#lookWhileTold().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #lookWhileTold(): Promise<void> {
    while (this.#all || this.#named.size > 0) {
      const which = this.#all ? null : [...this.#named];
      this.#all = false;
      this.#named = new Set();
      try {
        await this.#look(which);
      } catch (fault) {
        this.#seen = -1;
        throw fault;
      }
    }
  }
}
