// Finds the approval that an entry is about, and holds against it what every such entry says.

import type { ApprovalFinding } from "./approval-finding.ts";
import type { HoldBook, KnownApproval, KnownState } from "./hold-book.ts";

export type ReportApproval = (finding: ApprovalFinding) => void;

interface Revision {
  readonly revision: number;
  readonly digest: string;
}

export class ApprovalLookup {
  readonly #holds: HoldBook;
  readonly #report: ReportApproval;

  constructor(holds: HoldBook, report: ReportApproval) {
    this.#holds = holds;
    this.#report = report;
  }

  /** Null, and reported, unless it is in one of these states and not at its end. */
  inState(entry: number, id: string, expected: readonly KnownState[]): KnownApproval | null {
    const approval = this.#holds.approval(id);
    if (approval === undefined) {
      this.#reportMissing(entry, id, expected);
      return null;
    }
    const { state: found, changed: since, closed } = approval;
    if (expected.includes(found) && !closed) return approval;
    this.#report({ reason: "other_state", entry, approval: id, expected, found, since });
    return null;
  }

  /** Whether it is the newest revision that is meant, and its digest. */
  isCurrent(entry: number, approval: KnownApproval, found: Revision): boolean {
    const { id, revision, digest } = approval;
    if (found.revision !== revision) {
      this.#report({
        reason: "other_revision",
        entry,
        approval: id,
        expected: revision,
        found: found.revision,
      });
      return false;
    }
    if (found.digest === digest) return true;
    this.#report({ reason: "other_digest", entry, approval: id, expected: digest, found: found.digest });
    return false;
  }

  member(
    entry: number,
    approval: string,
    member: string,
    expected: string | null,
    found: string | null,
  ): void {
    if (expected === found) return;
    this.#report({ reason: "other_member", entry, approval, member, expected, found });
  }

  #reportMissing(entry: number, approval: string, expected: readonly KnownState[]): void {
    const ended = this.#holds.ended(approval);
    if (ended === undefined) return this.#report({ reason: "approval_unknown", entry, approval });
    const { state: found, entry: since } = ended;
    this.#report({ reason: "other_state", entry, approval, expected, found, since });
  }
}
