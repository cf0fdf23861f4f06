// Every decision, on votes too, is made under a policy revision that an earlier entry put in force.

import type { Leaf, LeafOf } from "../leaves/leaf-schema.ts";
import type { ApprovalFinding } from "./approval-finding.ts";
import type { CallFinding } from "./call-finding.ts";

/** How many revisions that were never put in force are told once and not with every decision. */
const rememberedUnknown = 10_000;

/** Memory is bounded by the number of revisions that the log put in force. */
export class RevisionRules {
  readonly #report: (finding: CallFinding | ApprovalFinding) => void;
  readonly #activated = new Set<string>();
  readonly #unknown = new Set<string>();
  #decisions = 0;

  constructor(report: (finding: CallFinding | ApprovalFinding) => void) {
    this.#report = report;
  }

  /** Revisions that were put in force, each counted once. */
  get count(): number {
    return this.#activated.size;
  }

  /** Decisions on calls and actions, whatever they rest on. */
  get decisions(): number {
    return this.#decisions;
  }

  observe(entry: number, leaf: Leaf): void {
    if (leaf.type === "policy.activated") this.#activated.add(leaf.revision);
    if (leaf.type === "call.decided" || leaf.type === "action.decided") this.#decided(entry, leaf);
    if ("policy_revision" in leaf && leaf.policy_revision !== null && this.#isUnknown(leaf.policy_revision)) {
      const { approval, policy_revision: revision } = leaf;
      this.#report({ reason: "policy_not_activated", entry, approval, revision });
    }
  }

  #decided(entry: number, { call, revision }: LeafOf<"call.decided" | "action.decided">): void {
    this.#decisions += 1;
    if (this.#isUnknown(revision)) this.#report({ reason: "revision_not_activated", entry, call, revision });
  }

  // Any earlier revision will do, not only the last: a call ends with the policies that it began with.
  #isUnknown(revision: string): boolean {
    if (this.#activated.has(revision) || this.#unknown.has(revision)) return false;
    if (this.#unknown.size < rememberedUnknown) this.#unknown.add(revision);
    return true;
  }
}
