// Evidence of a period, collected from the entries as they are verified: what a report says, in bounded memory.

import type { Leaf } from "../leaves/leaf-schema.ts";
import { type EvidenceKind, type EvidenceRow, evidenceRow } from "./evidence-row.ts";

/** Milliseconds since the epoch; from `from`, and before `to`. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

/** Of decisions: how many there were of each. */
export interface DecisionCounts {
  permit: number;
  hold: number;
  deny: number;
}

export interface Evidence {
  readonly period: Period;
  /** Indices of the first and last entry in it; null when there is none. */
  readonly entries: { readonly first: number; readonly last: number; readonly count: number } | null;
  readonly calls: Readonly<DecisionCounts>;
  readonly actions: Readonly<DecisionCounts>;
  /** Writes that were permitted, by what they rest on. */
  readonly writes: { readonly signedOff: number; readonly unattended: number; readonly noBasis: number };
  /** Decisions by application, and by policy that spoke; the most of them first. */
  readonly applications: readonly (readonly [name: string, decisions: number])[];
  readonly policies: readonly (readonly [id: string, decisions: number])[];
  /** The first rows of each kind that a report lists, and how many there were. */
  readonly listed: ReadonlyMap<
    EvidenceKind,
    { readonly rows: readonly EvidenceRow[]; readonly count: number }
  >;
}

/** Decisions are counted, and are rows of the CSV alone. */
const notListed: ReadonlySet<EvidenceKind> = new Set(["call decided", "tool call decided"]);
const mostListed = 500;
/** Names come from the config and the policies, so there are few; a hostile log may have more. */
const mostNames = 10_000;
const mostShown = 50;

export class EvidenceCollector {
  readonly #period: Period;
  readonly #onRow: (row: EvidenceRow) => void;
  #first: number | null = null;
  #last = 0;
  #count = 0;
  readonly #calls: DecisionCounts = { permit: 0, hold: 0, deny: 0 };
  readonly #actions: DecisionCounts = { permit: 0, hold: 0, deny: 0 };
  readonly #writes = { signedOff: 0, unattended: 0, noBasis: 0 };
  readonly #applications = new Map<string, number>();
  readonly #policies = new Map<string, number>();
  readonly #listed = new Map<EvidenceKind, { rows: EvidenceRow[]; count: number }>();

  /** `onRow` is told of every row as it comes, and keeps it if it wants it. */
  constructor(period: Period, onRow: (row: EvidenceRow) => void = () => {}) {
    this.#period = period;
    this.#onRow = onRow;
  }

  observe(entry: number, leaf: Leaf): void {
    const time = Date.parse(leaf.time);
    if (time < this.#period.from || time >= this.#period.to) return;
    this.#first ??= entry;
    this.#last = entry;
    this.#count += 1;
    this.#countDecision(leaf);
    const row = evidenceRow(entry, leaf);
    if (row === null) return;
    this.#onRow(row);
    if (!notListed.has(row.kind)) this.#list(row);
  }

  get evidence(): Evidence {
    const entries =
      this.#first === null ? null : { first: this.#first, last: this.#last, count: this.#count };
    return {
      period: this.#period,
      entries,
      calls: this.#calls,
      actions: this.#actions,
      writes: this.#writes,
      applications: mostFirst(this.#applications),
      policies: mostFirst(this.#policies),
      listed: this.#listed,
    };
  }

  #countDecision(leaf: Leaf): void {
    if (leaf.type !== "call.decided" && leaf.type !== "action.decided") return;
    const counts = leaf.type === "call.decided" ? this.#calls : this.#actions;
    counts[leaf.decision] += 1;
    countName(this.#applications, leaf.application);
    for (const id of leaf.policies.ids) countName(this.#policies, id);
    if (leaf.type === "call.decided" || leaf.effect !== "write" || leaf.decision !== "permit") return;
    if (leaf.approval !== null) this.#writes.signedOff += 1;
    else if (leaf.unattended) this.#writes.unattended += 1;
    else this.#writes.noBasis += 1;
  }

  #list(row: EvidenceRow): void {
    const listed = this.#listed.get(row.kind) ?? { rows: [], count: 0 };
    if (listed.rows.length < mostListed) listed.rows.push(row);
    listed.count += 1;
    this.#listed.set(row.kind, listed);
  }
}

function countName(counts: Map<string, number>, name: string): void {
  const known = counts.get(name);
  if (known !== undefined || counts.size < mostNames) counts.set(name, (known ?? 0) + 1);
}

function mostFirst(counts: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...counts].toSorted(([, one], [, other]) => other - one).slice(0, mostShown);
}
