// Whether every decision, evaluated again with the facts on record by the policies that it names, comes out as it is on
// record. Evaluating is left to whoever has an engine: the rules here say which decisions there are, and what each rests on.

import { BoundedCache } from "../bounded-cache.ts";
import type { Leaf, LeafOf } from "../leaves/leaf-schema.ts";
import type { ReplayFinding } from "./replay-finding.ts";

export type DecidedLeaf = LeafOf<"call.decided" | "action.decided">;

export interface RecordedDecision {
  readonly entry: number;
  readonly leaf: DecidedLeaf;
  /** Names of the sign-offs that it was taken with. */
  readonly given: readonly string[];
  /** The entry that commits to where the call came from; null when there is none. */
  readonly call: LeafOf<"call.decided"> | null;
}

/** Why a decision cannot be evaluated again. */
export type Unreplayable =
  /** Nothing is kept of the policies that it names. */
  | "revision_missing"
  /** These policies are of a form, or for an engine, that this version does not read. */
  | "revision_unreadable"
  /** It rests on facts that the log only commits to, and they are erased or not at hand. */
  | "facts_unknown"
  /** No entry says which sign-offs it was taken with. */
  | "sign_offs_unknown";

export type Replayed =
  | { readonly status: "same" }
  /** Policy was not asked: what was sent could not be described to it, which is a deny. */
  | { readonly status: "not_asked" }
  | { readonly status: "differs"; readonly detail: string }
  /** What is kept of the policies is not what their hash says. */
  | { readonly status: "revision_changed" }
  | { readonly status: "not_possible"; readonly why: Unreplayable };

export interface DecisionReplayer {
  /** Rejects when what is kept cannot be read, which is evidence of nothing. */
  replay(decision: RecordedDecision): Promise<Replayed>;
}

export interface ReplayCounts {
  /** Decisions that came out as they are on record. */
  readonly same: number;
  readonly notAsked: number;
  readonly notPossible: Readonly<Record<Unreplayable, number>>;
}

/** Approvals of which it is remembered under which sign-offs they were released. */
const rememberedReleases = 20_000;

/** Decisions that wait for the entry that says what they were taken with; no gateway writes more than a turn's at a time. */
const mostWaiting = 65_536;

/** Memory is bounded by the number of calls open at a time. */
export class ReplayRules {
  readonly #replayer: DecisionReplayer;
  readonly #report: (finding: ReplayFinding) => void;
  readonly #calls = new Map<string, Map<number, LeafOf<"call.decided">>>();
  readonly #given = new BoundedCache<readonly string[]>(rememberedReleases);
  /** By approval: they stand right before the entry that releases it. */
  readonly #waiting = new Map<string, Omit<RecordedDecision, "given">[]>();
  #waitingCount = 0;
  readonly #changed = new Set<string>();
  #same = 0;
  #notAsked = 0;
  readonly #notPossible: Record<Unreplayable, number> = {
    revision_missing: 0,
    revision_unreadable: 0,
    facts_unknown: 0,
    sign_offs_unknown: 0,
  };

  constructor(replayer: DecisionReplayer, report: (finding: ReplayFinding) => void) {
    this.#replayer = replayer;
    this.#report = report;
  }

  get counts(): ReplayCounts {
    return { same: this.#same, notAsked: this.#notAsked, notPossible: { ...this.#notPossible } };
  }

  async observe(entry: number, leaf: Leaf): Promise<void> {
    switch (leaf.type) {
      case "call.decided":
        this.#noteCall(leaf);
        return this.#decided({ entry, leaf, call: leaf });
      case "action.decided":
        return this.#decided({
          entry,
          leaf,
          call: this.#calls.get(leaf.call)?.get(leaf.dispatch) ?? null,
        });
      case "approval.released":
        return this.#released(leaf);
      case "call.completed":
        this.#calls.delete(leaf.call);
        return;
      default:
        return;
    }
  }

  /** At the end of the log. */
  finish(): void {
    this.#giveUpWaiting();
  }

  #giveUpWaiting(): void {
    this.#notPossible.sign_offs_unknown += this.#waitingCount;
    this.#waiting.clear();
    this.#waitingCount = 0;
  }

  #noteCall(leaf: LeafOf<"call.decided">): void {
    const dispatches = this.#calls.get(leaf.call) ?? new Map<number, LeafOf<"call.decided">>();
    dispatches.set(leaf.dispatch, leaf);
    this.#calls.set(leaf.call, dispatches);
  }

  async #decided(decision: Omit<RecordedDecision, "given">): Promise<void> {
    const { approval = null } = decision.leaf;
    if (approval === null) return this.#replay({ ...decision, given: [] });
    const given = this.#given.get(approval);
    if (given !== undefined) return this.#replay({ ...decision, given });
    if (this.#waitingCount === mostWaiting) this.#giveUpWaiting();
    this.#waiting.set(approval, [...(this.#waiting.get(approval) ?? []), decision]);
    this.#waitingCount += 1;
  }

  async #released({ approval, given: places }: LeafOf<"approval.released">): Promise<void> {
    const given = places.map(({ name }) => name);
    this.#given.set(approval, given);
    const decisions = this.#waiting.get(approval) ?? [];
    this.#waiting.delete(approval);
    this.#waitingCount -= decisions.length;
    for (const decision of decisions) await this.#replay({ ...decision, given });
  }

  async #replay(decision: RecordedDecision): Promise<void> {
    const { entry, leaf } = decision;
    const replayed = await this.#replayer.replay(decision);
    switch (replayed.status) {
      case "same":
        this.#same += 1;
        return;
      case "not_asked":
        this.#notAsked += 1;
        return;
      case "not_possible":
        this.#notPossible[replayed.why] += 1;
        return;
      case "differs":
        return this.#report({ reason: "decision_differs", entry, call: leaf.call, detail: replayed.detail });
      case "revision_changed":
        // Once for a revision: thousands of decisions may name it.
        if (this.#changed.has(leaf.revision)) return;
        this.#changed.add(leaf.revision);
        return this.#report({ reason: "revision_changed", entry, call: leaf.call, revision: leaf.revision });
    }
  }
}
