// Rebuilds the tree from the entries as they are read and holds it against every checkpoint on the way.

import { GrowingTree, type OnTileHash } from "../log/growing-tree.ts";
import { equalHashes, type LogHead } from "../log/merkle-tree.ts";
import type { CheckpointOrigin, LogFinding } from "./log-finding.ts";
import type { Mark } from "./marks.ts";

export class TreeCheck {
  readonly #marks: readonly Mark[];
  readonly #report: (finding: LogFinding) => void;
  readonly #mismatched = new Set<CheckpointOrigin>();
  #nextMark = 0;
  /** Null once an entry is missing: from there on no root can be computed. */
  #tree: GrowingTree | null;
  #next = 0;
  #vouched = 0;
  #sealed = 0;
  #newest: Mark | null = null;

  constructor(
    marks: readonly Mark[],
    report: (finding: LogFinding) => void,
    onTileHash: OnTileHash = () => {},
  ) {
    this.#marks = marks;
    this.#report = report;
    this.#tree = new GrowingTree(onTileHash);
    this.#compareMarks();
  }

  /** Index of the next entry. */
  get next(): number {
    return this.#next;
  }

  /** The head of all entries so far, or null when one is missing. */
  get head(): LogHead | null {
    return this.#tree?.head ?? null;
  }

  /** The largest checkpoint that the entries are those of, or null. */
  get newest(): Mark | null {
    return this.#newest;
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

  add(index: number, hash: Uint8Array): void {
    if (index < this.#next) {
      this.#report({ reason: "entry_out_of_order", expected: this.#next, entry: index });
      this.#tree = null;
      return;
    }
    if (index > this.#next) this.missing(index);
    this.#next = index + 1;
    this.#tree?.append(hash);
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
    const root = this.#tree === null || this.#tree.size !== mark.size ? null : this.#tree.root;
    if (root !== null && equalHashes(root, mark.root)) {
      this.#vouched = mark.size;
      this.#newest = mark;
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
