// Rebuilds the tree from the entries as they are read and holds it against every checkpoint on the way.

import type { LogHead } from "../log/merkle-tree.ts";
import { appendLeafHashes, emptyHead, equalHashes, leafHash, rootOf } from "../log/merkle-tree.ts";
import type { StoredEntry } from "../source/log-contents.ts";
import type { CheckpointOrigin, LogFinding } from "./log-finding.ts";
import type { Mark } from "./marks.ts";

export class TreeCheck {
  readonly #marks: readonly Mark[];
  readonly #report: (finding: LogFinding) => void;
  readonly #mismatched = new Set<CheckpointOrigin>();
  #nextMark = 0;
  /** Null once an entry is missing: from there on no root can be computed. */
  #tree: LogHead | null = emptyHead;
  #next = 0;
  #vouched = 0;
  #sealed = 0;

  constructor(marks: readonly Mark[], report: (finding: LogFinding) => void) {
    this.#marks = marks;
    this.#report = report;
    this.#compareMarks();
  }

  /** Index of the next entry. */
  get next(): number {
    return this.#next;
  }

  /** The head of all entries so far, or null when one is missing. */
  get head(): LogHead | null {
    return this.#tree;
  }

  /** Entries below this index are those that a stored checkpoint was signed over. */
  get sealed(): number {
    return this.#sealed;
  }

  /** Up to where to read next, so that the tree can be compared there. */
  nextStop(limit: number): number {
    const mark = this.#marks[this.#nextMark];
    return mark === undefined ? limit : Math.min(limit, mark.size);
  }

  add(entry: StoredEntry): void {
    if (entry.index < this.#next) {
      this.#report({ reason: "entry_out_of_order", expected: this.#next, entry: entry.index });
      this.#tree = null;
      return;
    }
    if (entry.index > this.#next) this.missing(entry.index);
    this.#next = entry.index + 1;
    if (this.#tree !== null) this.#tree = appendLeafHashes(this.#tree, [leafHash(entry.leaf)]);
    this.#compareMarks();
  }

  /** The entries up to index `to` are not there. */
  missing(to: number): void {
    this.#report({ reason: "entries_missing", entry: this.#next, to });
    this.#tree = null;
    this.#next = to;
    this.#compareMarks();
  }

  /** Reports what was signed over more than there is: the largest checkpoint of each origin says how much is missing. */
  finish(): void {
    const beyond = new Map(this.#marks.slice(this.#nextMark).map((mark) => [mark.checkpoint, mark]));
    for (const mark of beyond.values()) {
      this.#report({
        reason: "log_truncated",
        checkpoint: mark.checkpoint,
        expected: mark.size,
        found: this.#next,
      });
    }
  }

  #compareMarks(): void {
    for (let mark = this.#marks[this.#nextMark]; mark !== undefined; mark = this.#marks[this.#nextMark]) {
      if (mark.size > this.#next) return;
      this.#nextMark += 1;
      this.#compare(mark);
    }
  }

  #compare(mark: Mark): void {
    const root = this.#tree === null || this.#tree.size !== mark.size ? null : rootOf(this.#tree);
    if (root !== null && equalHashes(root, mark.root)) {
      this.#vouched = mark.size;
      if (mark.checkpoint === "stored") this.#sealed = mark.size;
      return;
    }
    // Once one differs all later ones do; the first is the one that says where.
    if (this.#mismatched.has(mark.checkpoint)) return;
    this.#mismatched.add(mark.checkpoint);
    this.#report({
      reason: "root_mismatch",
      checkpoint: mark.checkpoint,
      entry: this.#vouched,
      size: mark.size,
      expected: Buffer.from(mark.root).toString("hex"),
      found: root === null ? null : Buffer.from(root).toString("hex"),
    });
  }
}
