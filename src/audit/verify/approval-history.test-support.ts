// Histories of approvals as they may legally be, one for each row of choices: what waits, who votes, what is edited, ended,
// handed on, and to which call. States follow the table that the desk goes by.

import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { type ApprovalEvent, type ApprovalState, nextState } from "../../approvals/approval-states.ts";
import { actionDecided, completed, decided } from "../trail.test-support.ts";
import {
  type Asked,
  asked,
  askedForCall,
  closed,
  completedFrom,
  edited,
  gateway,
  heldAction,
  operator,
  permitted,
  released,
  type Subject,
  voted,
} from "./approval-log.test-support.ts";

export interface HistoryEntry {
  readonly body: LeafBody;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

type Required = Asked["required"];

const start = Date.parse("2026-11-23T00:00:00.000Z");
const hourMs = 3_600_000;
const endings = {
  decide_time_over: "expired",
  cancel: "cancelled",
  revoke: "revoked",
  use_time_over: "lapsed",
  recheck_stricter: "stale",
} as const;

/** Takes its choices from a row of numbers, and the first of what there is when they are used up. */
export class History {
  readonly entries: HistoryEntry[] = [];
  readonly #choices: readonly number[];
  #at = 0;
  #time = start;
  #names = 0;

  constructor(choices: readonly number[]) {
    this.#choices = choices;
    const turns = Array.from({ length: 1 + this.upTo(2) }, () => new Turn(this));
    for (let open = turns; open.length > 0; open = open.filter((turn) => !turn.isOver)) {
      open[this.upTo(open.length - 1)]?.step();
    }
  }

  get time(): number {
    return this.#time;
  }

  /** A whole number from 0 to `most`. */
  upTo(most: number): number {
    const choice = this.#choices[this.#at] ?? 0;
    this.#at += 1;
    return choice % (most + 1);
  }

  name(kind: string): string {
    this.#names += 1;
    return `${kind}_${this.#names}`;
  }

  record(...bodies: readonly LeafBody[]): void {
    for (const body of bodies) this.entries.push({ body, time: this.#time });
    this.#time += 1_000;
  }

  passUntil(time: number): void {
    this.#time = Math.max(this.#time, time);
  }
}

interface Waiting {
  readonly first: Asked;
  readonly held: LeafBody<"action.decided"> | null;
  subject: Subject;
  state: ApprovalState;
  /** Votes that each sign-off still needs. */
  missing: Map<string, number>;
}

/** One call, what policy holds of it or of its answer, and the calls that come back for that. */
class Turn {
  readonly #history: History;
  readonly #call: string;
  readonly #waiting: readonly Waiting[];
  readonly #expires: number;
  #isCallOpen = true;
  #deliveries = 0;
  isOver = false;

  constructor(history: History) {
    this.#history = history;
    this.#call = history.name("call");
    this.#expires = history.time + hourMs;
    this.#waiting = history.upTo(3) === 0 ? [this.#heldCall()] : this.#heldActions();
  }

  step(): void {
    const pending = this.#waiting.filter(({ state }) => state === "pending");
    const one = pending[this.#history.upTo(Math.max(0, pending.length - 1))];
    if (this.#isCallOpen && this.#history.upTo(3) === 3) this.#giveUp();
    else if (one !== undefined) this.#decide(one);
    else this.#end();
  }

  #heldCall(): Waiting {
    const required = this.#someSignOffs();
    const names = required.map(({ name }) => name);
    const body = decided(this.#call, { decision: "hold", sign_offs: names });
    const first = askedForCall(body, required, this.#names());
    this.#history.record(body, first);
    return { first, held: null, subject: first, state: "pending", missing: missingOf(required) };
  }

  #heldActions(): readonly Waiting[] {
    const hold = this.#history.name("hold");
    const waiting = Array.from({ length: 1 + this.#history.upTo(2) }, (): Waiting => {
      const required = this.#someSignOffs();
      const held = heldAction(this.#call, this.#history.name("act"), required);
      const first = asked(held, required, { ...this.#names(), hold });
      return { first, held, subject: first, state: "pending", missing: missingOf(required) };
    });
    const reads = Array.from({ length: this.#history.upTo(1) }, () =>
      actionDecided(this.#call, { action: this.#history.name("act"), decision: "permit", effect: "read" }),
    );
    const decisions = waiting.flatMap(({ held }) => (held === null ? [] : [held]));
    this.#history.record(decided(this.#call), ...reads, ...decisions, ...waiting.map(({ first }) => first));
    return waiting;
  }

  #names(): Pick<Asked, "approval" | "hold" | "expires"> {
    const expires = new Date(this.#expires).toISOString();
    return { approval: this.#history.name("apr"), hold: this.#history.name("hold"), expires };
  }

  #someSignOffs(): Required {
    const all = ["finance", "legal"].slice(0, 1 + this.#history.upTo(1));
    return all.map((name) => ({ name, quorum: 1 + this.#history.upTo(1) }));
  }

  #giveUp(): void {
    this.#isCallOpen = false;
    const outcome = this.#history.upTo(1) === 0 ? "held" : "client_closed";
    const isHeldCall = this.#waiting.some(({ held }) => held === null);
    this.#history.record(
      completed(this.#call, { outcome, ...(isHeldCall ? { target: null, dispatches: 0 } : {}) }),
    );
  }

  #decide(one: Waiting): void {
    const late = this.#history.time >= this.#expires;
    const choice = late ? "decide_time_over" : this.#event(one);
    if (choice === "votes_complete") this.#approve(one);
    else if (choice === "reject") this.#reject(one);
    else if (choice === "edit") this.#edit(one);
    else this.#close(one, choice);
  }

  /** Mostly votes, else whatever can happen. */
  #event(
    one: Waiting,
  ): Exclude<ApprovalEvent, "claim" | "deliver" | "execute" | "succeed" | "fail" | "lose_track"> {
    const rare = ["reject", "edit", "decide_time_over", "cancel", "revoke"] as const;
    const event = this.#history.upTo(2) > 0 ? "votes_complete" : rare[this.#history.upTo(4)];
    const isEditedCall = event === "edit" && one.held === null;
    return event === undefined || isEditedCall ? "votes_complete" : event;
  }

  #approve(one: Waiting): void {
    const [name] = [...one.missing].filter(([, count]) => count > 0).map(([signOff]) => signOff);
    const signOff = name ?? "";
    one.missing.set(signOff, (one.missing.get(signOff) ?? 0) - 1);
    const isComplete = [...one.missing.values()].every((count) => count === 0);
    if (isComplete) this.#move(one, "votes_complete");
    const state = isComplete ? "approved" : "pending";
    this.#history.record(voted(one.subject, this.#history.name("op"), { sign_offs: [signOff], state }));
  }

  #reject(one: Waiting): void {
    const by = this.#history.name("op");
    this.#move(one, "reject");
    this.#history.record(
      voted(one.subject, by, { decision: "reject", state: "rejected" }),
      closed(one.subject, "rejected", { actor: operator(by) }),
    );
  }

  #edit(one: Waiting): void {
    const by = this.#history.name("op");
    this.#move(one, "edit");
    const next = edited(one.subject, one.first, by);
    this.#history.record(closed(one.subject, "superseded", { actor: operator(by) }), next);
    one.subject = next;
    one.state = "pending";
    one.missing = missingOf(next.required);
  }

  #close(one: Waiting, event: keyof typeof endings): void {
    if (event === "decide_time_over") this.#history.passUntil(this.#expires);
    this.#move(one, event);
    this.#history.record(closed(one.subject, endings[event]));
  }

  #move(one: Waiting, event: ApprovalEvent): void {
    const state = nextState(one.state, event);
    if (state === null) throw new Error(`${event} cannot happen to what is ${one.state}`);
    one.state = state;
  }

  /** All is decided. */
  #end(): void {
    const rare = ["use_time_over", "revoke", "cancel", "recheck_stricter"] as const;
    const approved = this.#waiting.filter(({ state }) => state === "approved");
    const [one] = approved;
    if (one !== undefined && this.#history.upTo(4) === 4) {
      return this.#close(one, rare[this.#history.upTo(3)] ?? "revoke");
    }
    if (one !== undefined && one.held === null) this.#releaseCall(one);
    else if (one !== undefined) this.#handOn(approved);
    else if (this.#deliveries > 0 && this.#history.upTo(1) === 1) this.#handOn([]);
    else this.#finish();
  }

  #releaseCall(one: Waiting): void {
    const later = this.#isCallOpen ? null : this.#history.name("call");
    const approval = one.subject.approval;
    this.#move(one, "claim");
    this.#move(one, "deliver");
    const call = later ?? this.#call;
    this.#history.record(
      decided(call, { dispatch: later === null ? 2 : 1, approval }),
      released(one.subject, one.first, { released_to: call }),
    );
    this.#history.record(completed(call));
    this.#isCallOpen = false;
    this.isOver = true;
  }

  /** What was just approved, or all that was handed on before, once more. */
  #handOn(approved: readonly Waiting[]): void {
    const later = this.#isCallOpen ? null : this.#history.name("call");
    const call = later ?? this.#call;
    if (later !== null) this.#history.record(decided(later));
    this.#deliveries += 1;
    const handed = approved.length > 0 ? approved : this.#waiting.filter(({ state }) => state === "released");
    const facts = { released_to: call, delivery: this.#deliveries };
    const bodies = handed.flatMap((one) => this.#released(one, facts));
    this.#history.record(...bodies);
    const outcome = handed.length === this.#waiting.length ? "ok" : "partial";
    const [first] = this.#waiting;
    if (later === null) this.#history.record(completed(call, { outcome }));
    else if (first !== undefined) this.#history.record(completedFrom(first.first, call, { outcome }));
    this.#isCallOpen = false;
  }

  #released(
    one: Waiting,
    facts: { readonly released_to: string; readonly delivery: number },
  ): readonly LeafBody[] {
    const entry = released(one.subject, one.first, { ...facts, actor: gateway });
    if (one.state === "released" || one.held === null) return [entry];
    this.#move(one, "claim");
    this.#move(one, "deliver");
    return [permitted(one.held, one.subject, { call: facts.released_to }), entry];
  }

  #finish(): void {
    this.isOver = true;
    if (!this.#isCallOpen) return;
    const isHeldCall = this.#waiting.some(({ held }) => held === null);
    const none = isHeldCall ? { outcome: "refused" as const, target: null, dispatches: 0 } : {};
    this.#history.record(completed(this.#call, { outcome: "withheld", ...none }));
    this.#isCallOpen = false;
  }
}

function missingOf(required: Required): Map<string, number> {
  return new Map(required.map(({ name, quorum }) => [name, quorum]));
}
