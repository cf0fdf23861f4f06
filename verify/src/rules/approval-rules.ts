// All that must hold of approvals, from being asked for to being handed on.

import type { Leaf } from "../leaves/leaf-schema.ts";
import type { ReportApproval } from "./approval-lookup.ts";
import { AskingRules } from "./asking-rules.ts";
import type { CallBook } from "./call-book.ts";
import type { HoldBook } from "./hold-book.ts";
import { type ReleaseCounts, ReleaseRules } from "./release-rules.ts";
import { UseRules } from "./use-rules.ts";
import { type VoteCounts, VoteRules } from "./vote-rules.ts";

export interface ApprovalCounts extends Omit<ReleaseCounts, "writesApproved">, VoteCounts {
  readonly requested: number;
  readonly edited: number;
  /** Those that are neither closed nor handed on. */
  readonly open: number;
}

export class ApprovalRules {
  readonly #holds: HoldBook;
  readonly #asking: AskingRules;
  readonly #votes: VoteRules;
  readonly #releases: ReleaseRules;
  readonly #uses: UseRules;

  constructor(calls: CallBook, holds: HoldBook, report: ReportApproval) {
    this.#holds = holds;
    this.#asking = new AskingRules(calls, holds, report);
    this.#votes = new VoteRules(holds, report);
    this.#releases = new ReleaseRules(calls, holds, report);
    this.#uses = new UseRules(holds, report);
  }

  get counts(): ApprovalCounts {
    const { released, redelivered } = this.#releases.counts;
    return {
      ...this.#asking.counts,
      open: this.#holds.openCount,
      ...this.#votes.counts,
      released,
      redelivered,
    };
  }

  get writesApproved(): number {
    return this.#releases.counts.writesApproved;
  }

  get uncheckedDeliveries(): number {
    return this.#releases.unchecked;
  }

  get uncheckedUses(): number {
    return this.#uses.unchecked;
  }

  /** INVARIANT: before the call rules, which forget a call with its last entry. */
  observe(entry: number, leaf: Leaf): void {
    this.#asking.observe(entry, leaf);
    this.#votes.observe(entry, leaf);
    this.#releases.observe(entry, leaf);
    this.#uses.observe(entry, leaf);
  }

  /** A change and its entries are one transaction, so at the end of the log nothing is half told. */
  finish(): void {
    this.#votes.finish();
    this.#releases.finish();
  }
}
