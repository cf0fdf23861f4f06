// Whether the entries that commit to payload still have their salts, and whether payload that is kept is what they
// committed to. That a salt is gone is what erasure looks like and is counted; payload that contradicts is a finding.

import { saltBytes } from "../leaves/commitment.ts";
import type { Leaf } from "../leaves/leaf-schema.ts";
import type { LogFinding } from "./log-finding.ts";
import type { KeptField } from "./payload-check.ts";
import { checkPayloads, commitsToPayload } from "./payload-check.ts";

/** Reads payload, which takes the key that it is sealed under. */
export interface PayloadReader {
  read(entryId: string): Promise<readonly KeptField[]>;
}

export interface PayloadCounts {
  /** Entries that commit to payload. */
  readonly committed: number;
  /** Of them, those whose salt was erased or is missing: nothing shows any more what they committed to. Null of a copy. */
  readonly erasedOrMissing: number | null;
  /** Fields that are kept and are what was committed to; null when none was read. */
  readonly matching: number | null;
}

export class PayloadRules {
  readonly #reader: PayloadReader | null;
  readonly #hasSalts: boolean;
  readonly #report: (finding: LogFinding) => void;
  #committed = 0;
  #erasedOrMissing = 0;
  #matching = 0;

  /** `hasSalts`: whether `observeSalt` is called for each entry too. */
  constructor(reader: PayloadReader | null, hasSalts: boolean, report: (finding: LogFinding) => void) {
    this.#reader = reader;
    this.#hasSalts = hasSalts;
    this.#report = report;
  }

  get counts(): PayloadCounts {
    return {
      committed: this.#committed,
      erasedOrMissing: this.#hasSalts ? this.#erasedOrMissing : null,
      matching: this.#reader === null ? null : this.#matching,
    };
  }

  observe(leaf: Leaf): void {
    if (commitsToPayload(leaf)) this.#committed += 1;
  }

  async observeSalt(entry: number, leaf: Leaf, stored: Uint8Array | null): Promise<void> {
    // What has another length is no salt, and ties nothing to the entry either.
    const salt = stored?.length === saltBytes ? stored : null;
    if (salt === null && commitsToPayload(leaf)) this.#erasedOrMissing += 1;
    if (this.#reader === null) return;
    for (const { field, status } of checkPayloads(leaf, salt, await this.#reader.read(leaf.id))) {
      if (status === "matches") this.#matching += 1;
      if (status === "differs" || status === "damaged") {
        this.#report({ reason: "payload_contradicts", entry, field, found: status });
      }
    }
  }
}
