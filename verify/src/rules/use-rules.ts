// What must hold of the time for which an approval can be used: it starts when all that waits together is decided, nothing is
// handed on after it, and nothing lapses before it is over.

import type { Leaf } from "../leaves/leaf-schema.ts";
import type { ReportApproval } from "./approval-lookup.ts";
import type { HoldBook, KnownHold } from "./hold-book.ts";

/** Entries are stamped by a gateway's clock, and times are over by the store's. */
const clockLeewayMs = 90_000;

export class UseRules {
  readonly #holds: HoldBook;
  readonly #report: ReportApproval;
  #unchecked = 0;

  constructor(holds: HoldBook, report: ReportApproval) {
    this.#holds = holds;
    this.#report = report;
  }

  /** Uses and lapses of what no entry says how long it could be used. */
  get unchecked(): number {
    return this.#unchecked;
  }

  /** INVARIANT: after the rules that say what has become of the approval. */
  observe(entry: number, leaf: Leaf): void {
    if (!("approval" in leaf) || leaf.approval === null || leaf.approval === undefined) return;
    const approval = this.#holds.approval(leaf.approval);
    if (approval === undefined) return;
    const at = { entry, approval: approval.id };
    const time = Date.parse(leaf.time);
    if (leaf.type === "approval.released") {
      const until = this.#until(approval.hold);
      if (until !== null && time > until + clockLeewayMs) {
        this.#report({ ...at, reason: "released_late", expected: rfc3339(until), found: leaf.time });
      }
    } else if (leaf.type === "approval.closed" && leaf.state === "lapsed") {
      const until = this.#until(approval.hold);
      if (until !== null && time < until - clockLeewayMs) {
        this.#report({ ...at, reason: "lapsed_early", expected: rfc3339(until), found: leaf.time });
      }
    }
    settle(approval.hold, time);
  }

  /** Null where nothing can be said: it is not decided, which is found elsewhere, or no entry says. */
  #until({ usable }: KnownHold): number | null {
    if (usable?.until === null) this.#unchecked += 1;
    return usable?.until ?? null;
  }
}

function settle(hold: KnownHold, time: number): void {
  if (hold.usable !== null) return;
  const isOpen = hold.approvals.some(({ state }) => state === "pending" || state === "superseded");
  const uses = hold.approvals.filter(({ state }) => state === "approved").map((one) => one.useWithinMs);
  if (isOpen || uses.length === 0) return;
  const shortest = uses.reduce((one, other) =>
    one === null || other === null ? null : Math.min(one, other),
  );
  hold.usable = { until: shortest === null ? null : time + shortest };
}

function rfc3339(time: number): string {
  return new Date(time).toISOString();
}
