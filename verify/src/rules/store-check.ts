// Holds what the store keeps beside the entries against the entries: the head, and the ids by which entries are found.
// None of it is signed, and a gateway goes on from it.

import type { LogHead } from "../log/merkle-tree.ts";
import { equalHashes, isWellFormedHead, rootOf } from "../log/merkle-tree.ts";
import type { LogContents, StoredHead } from "../source/log-contents.ts";
import type { LogFinding } from "./log-finding.ts";

/** What the entries came to. */
export interface EntriesRead {
  /** Of all of them, or null when one is missing. */
  readonly tree: LogHead | null;
  /** The largest epoch that an entry has, or 0. */
  readonly epoch: number;
  /** First entry of the oldest call that is open, or null. */
  readonly oldestOpen: number | null;
}

/** Entries there are: as many as the head says, or where it is gone as many as are found. */
export function logSize({ head, end }: LogContents): number {
  return head?.size ?? end;
}

export class StoreCheck {
  readonly #contents: LogContents;
  readonly #report: (finding: LogFinding) => void;
  #misplaced: Extract<LogFinding, { readonly reason: "misplaced_ids" }> | null = null;

  constructor(contents: LogContents, report: (finding: LogFinding) => void) {
    this.#contents = contents;
    this.#report = report;
  }

  /** `found`: where the id of the entry leads to. */
  observeId(entry: number, found: number | null): void {
    if (found === entry) return;
    const first = this.#misplaced ?? { reason: "misplaced_ids", entry, found, count: 0 };
    this.#misplaced = { ...first, count: first.count + 1 };
  }

  finish(read: EntriesRead): void {
    const { head, end, strayEntries, ids } = this.#contents;
    const size = logSize(this.#contents);
    if (head !== null) this.#checkHead(head, read);
    else if (end > 0) this.#report({ reason: "no_head", entries: end });
    if (strayEntries > 0) this.#report({ reason: "stray_entries", size, count: strayEntries });
    if (this.#misplaced !== null) this.#report(this.#misplaced);
    // Fewer show as ids that lead nowhere.
    if (ids > size) this.#report({ reason: "surplus_ids", expected: size, found: ids });
  }

  #checkHead(head: StoredHead, { tree, epoch, oldestOpen }: EntriesRead): void {
    if (tree !== null) this.#compareHead(head, rootOf(tree));
    if (head.epoch < epoch) this.#report({ reason: "epoch_set_back", expected: epoch, found: head.epoch });
    if (head.openFrom > head.size) {
      this.#report({ reason: "recovery_beyond_log", size: head.size, found: head.openFrom });
    } else if (oldestOpen !== null && head.openFrom > oldestOpen) {
      this.#report({ reason: "recovery_too_late", entry: oldestOpen, found: head.openFrom });
    }
  }

  #compareHead(head: StoredHead, expected: Uint8Array): void {
    const found = isWellFormedHead(head) ? rootOf(head) : null;
    if (found !== null && equalHashes(found, expected)) return;
    this.#report({
      reason: "head_mismatch",
      size: head.size,
      expected: Buffer.from(expected).toString("hex"),
      found: found === null ? null : Buffer.from(found).toString("hex"),
    });
  }
}
