// What must hold between any two entries, whatever they are about: how the log begins, that writers follow each other,
// that time goes forward.

import type { Leaf } from "../leaves/leaf-schema.ts";
import { leafTime } from "../leaves/leaf-time.ts";
import type { LogIdentity } from "../source/log-contents.ts";
import type { LogFinding } from "./log-finding.ts";

/**
 * Entries are stamped when they are made and ordered when they are appended, so those of concurrent calls may stand a
 * moment out of order.
 */
const maxDisorderMs = 5_000;
/** Writers that wait for each other and have a clock each; a write that waits longer is refused. */
const maxSharedDisorderMs = 30_000;
/** Epochs that are remembered of a shared log, where those of starts at the same time may stand in any order. */
const rememberedEpochs = 10_000;

export class LogRules {
  readonly #identity: LogIdentity;
  readonly #report: (finding: LogFinding) => void;
  #epoch = 0;
  #latestTime = Number.NEGATIVE_INFINITY;
  #latestStamp = "";
  #clockResets = 0;
  /** Since the log is shared: its epochs, with the instances that have them. */
  #shared: Map<number, string> | null = null;

  constructor(identity: LogIdentity, report: (finding: LogFinding) => void) {
    this.#identity = identity;
    this.#report = report;
  }

  /** The largest that an entry has, or 0. */
  get epoch(): number {
    return this.#epoch;
  }

  /** How often an operator said that the clock had been ahead, so that time counts anew. */
  get clockResets(): number {
    return this.#clockResets;
  }

  observe(entry: number, leaf: Leaf): void {
    this.#checkBeginning(entry, leaf);
    this.#checkEpoch(entry, leaf);
    this.#checkTime(entry, leaf);
  }

  #checkBeginning(entry: number, leaf: Leaf): void {
    if ((entry === 0) !== (leaf.type === "log.created")) {
      const expected = entry === 0 ? "log.created" : "log.created at entry 0 only";
      this.#report({ reason: "wrong_beginning", entry, expected, found: leaf.type });
    } else if (leaf.type === "log.created") {
      const { origin, vkey } = this.#identity;
      if (leaf.origin === origin && leaf.vkey === vkey) return;
      this.#report({
        reason: "wrong_beginning",
        entry,
        expected: `the log \`${vkey}\``,
        found: `\`${leaf.vkey}\``,
      });
    }
  }

  #checkEpoch(entry: number, leaf: Leaf): void {
    if (leaf.type === "log.joined") this.#shared ??= new Map();
    if (this.#shared === null) this.#checkSuccession(entry, leaf);
    else this.#checkShared(entry, leaf, this.#shared);
  }

  #checkShared(entry: number, leaf: Leaf, known: Map<number, string>): void {
    if (leaf.type !== "log.joined" && leaf.type !== "log.closed") return;
    const { type, epoch: found, instance } = leaf;
    const holder = known.get(found);
    if (type === "log.joined" && holder !== undefined) {
      this.#report({ reason: "epoch_out_of_order", entry, expected: "one that no other has", found });
    }
    if (type === "log.closed" && holder !== instance) {
      this.#report({ reason: "epoch_out_of_order", entry, expected: "the one it was opened with", found });
    }
    known.set(found, instance);
    this.#epoch = Math.max(this.#epoch, found);
    const [oldest] = known.keys();
    if (known.size > rememberedEpochs && oldest !== undefined) known.delete(oldest);
  }

  #checkSuccession(entry: number, leaf: Leaf): void {
    if (leaf.type === "log.opened") {
      if (leaf.epoch <= this.#epoch) {
        this.#report({
          reason: "epoch_out_of_order",
          entry,
          expected: `above ${this.#epoch}`,
          found: leaf.epoch,
        });
      }
      this.#epoch = Math.max(this.#epoch, leaf.epoch);
    }
    if (leaf.type === "log.closed" && leaf.epoch !== this.#epoch) {
      this.#report({ reason: "epoch_out_of_order", entry, expected: String(this.#epoch), found: leaf.epoch });
    }
  }

  #checkTime(entry: number, { type, time: stamp }: Leaf): void {
    const time = leafTime(stamp);
    if (type === "log.clock_reset") {
      this.#clockResets += 1;
      this.#latestTime = Number.NEGATIVE_INFINITY;
    }
    // How a call ended is stamped when it ends and may be recorded much later, when the log could not be written in
    // between; the call rules hold it against the call's own beginning.
    const mayBeLate = type === "call.completed" || type === "action.decided";
    const disorder = this.#shared === null ? maxDisorderMs : maxSharedDisorderMs;
    if (!mayBeLate && time < this.#latestTime - disorder) {
      this.#report({ reason: "time_backwards", entry, expected: this.#latestStamp, found: stamp });
    }
    if (time > this.#latestTime) {
      this.#latestTime = time;
      this.#latestStamp = stamp;
    }
  }
}
