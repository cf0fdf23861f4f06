// The desk where approvals are asked for, decided and used. Every change is a compare-and-set on the hold, together with its
// entries of the trail; whoever loses a race looks again.

import type { EncodedEntry } from "../core/entry.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { type Approval, type ApprovalContent, current, type Hold, type ListedApproval } from "./approval.ts";
import type { ApprovalState } from "./approval-states.ts";
import type { ApprovalQuery } from "./approval-store.ts";
import { Attaching, type AttachingParts, firstIdAt, type Handed } from "./attaching.ts";
import { type Edit, type EditFailure, edited } from "./editing.ts";
import { ended } from "./ending.ts";
import { Expiry } from "./expiry.ts";
import { type Filing, type FilingFailure, type FilingParts, fileHold } from "./filing.ts";
import { listedOf, recordOf, stateOf } from "./kept-hold.ts";
import type { DeskFaults, Ender, Voter } from "./ports.ts";
import { type Release, type ReleaseRequest, type ReleasingParts, release } from "./releasing.ts";
import { Removal } from "./removal.ts";
import { revokedBy } from "./revoking.ts";
import { type AskedAgain, signedBefore } from "./signed-request.ts";
import { type Ballot, castVote, readSubject, type VoteFailure } from "./voting.ts";
import { type WaitEnd, Waiting, type WaitOptions } from "./waiting.ts";

export interface DeskParts extends FilingParts, ReleasingParts, AttachingParts {
  /** Puts entries on record that go with no change. */
  readonly record: (entries: readonly EncodedEntry[]) => Promise<unknown>;
  readonly faults: DeskFaults;
}

/** How often a race is run again: 50 who vote at once lose 49 times at most. */
const maxTries = 200;
const pastLimit = 500;

export class ApprovalDesk {
  readonly #parts: DeskParts;
  readonly #waiting: Waiting;
  readonly #attaching: Attaching;
  readonly #expiry: Expiry;
  readonly #removal: Removal;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    const { holds } = parts;
    this.#expiry = new Expiry(parts);
    this.#removal = new Removal({ ...parts, store: holds.store });
    this.#waiting = new Waiting({
      read: (id) => holds.byId(id),
      expire: (hold) => this.#expiry.expire(hold),
      now: () => holds.store.now(),
    });
    this.#attaching = new Attaching(parts);
    holds.onChange(({ id }) => this.#waiting.wake(id));
  }

  /** Reads what was left behind. From now on what is due ends by itself, and goes when it was kept for long enough. */
  async start(): Promise<void> {
    await this.#attaching.look(null);
    this.#expiry.start();
    this.#removal.start();
  }

  /** There are too many connections: one of those who wait is told to come back, if any can be. */
  yieldOne(): void {
    this.#waiting.yieldOne();
  }

  /** Whoever waits is told; nothing of what is waited for changes. */
  drain(): void {
    this.#waiting.drain();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#expiry.stop(), this.#removal.stop()]);
  }

  /** Others have filed or changed these holds; null: any. */
  async lookAgain(holds: readonly string[] | null): Promise<void> {
    if (holds === null) this.#waiting.wake();
    else for (const id of holds) this.#waiting.wake(id);
    await this.#attaching.look(holds);
  }

  /** Whether it is worth while to look for something that a request of this application left behind. */
  mayJoin(application: string, now: number): boolean {
    return this.#attaching.mayJoin(application, now);
  }

  /** What a request left behind, for its retry; null when there is nothing, or its earlier connection still waits. */
  join(attachKey: string): Promise<Hold | null> {
    return this.#attaching.join(attachKey);
  }

  /** Whether something that waits, or waited, has this key and is another request. */
  async isOfAnother(attachKey: string, request: string): Promise<boolean> {
    const hold = await this.#parts.holds.byAttachKey(attachKey);
    return hold !== null && hold.request !== request;
  }

  joinById(hold: string, choice: number): Promise<Hold | null> {
    return this.#attaching.joinById(hold, choice);
  }

  /** What is handed on is not left for a retry. */
  async leave(hold: string, handed: Handed): Promise<void> {
    try {
      await this.#attaching.leave(hold, handed);
    } catch (fault) {
      // A retry is then a call of its own, until this process has ended.
      this.#parts.faults.failed("a hold could not be left to its client's retry", fault);
    }
  }

  get waiting(): number {
    return this.#waiting.count;
  }

  /** Rejects when it cannot be put on record: then nothing waits for anybody. */
  file(filing: Filing): Promise<Result<Hold, FilingFailure>> {
    return fileHold(this.#parts, filing);
  }

  wait(hold: string, options: WaitOptions): Promise<WaitEnd> {
    return this.#waiting.wait(hold, options);
  }

  hold(id: string): Promise<Hold | null> {
    return this.#parts.holds.byId(id);
  }

  answerOf(hold: Hold): Promise<Uint8Array | null> {
    return this.#parts.holds.answerOf(hold);
  }

  contentOf(hold: Hold, approval: Approval): Promise<ApprovalContent | null> {
    return this.#parts.holds.contentOf(hold, approval);
  }

  release(id: string, request: ReleaseRequest): Promise<Release> {
    return release(this.#parts, id, request);
  }

  /** Sign-offs that a request was sent on under, as far as they count today: for a retry that gets what its answer left. */
  signedBefore(approval: string, asked: AskedAgain): Promise<readonly string[]> {
    return signedBefore(this.#parts, approval, asked);
  }

  async list(query: ApprovalQuery): Promise<readonly ListedApproval[]> {
    return (await this.#parts.holds.store.list(query)).map(listedOf);
  }

  /** What became of others of the same application and tool since then, among its latest `pastLimit`. */
  async past({ application, tool, digest }: Approval, since: number): Promise<readonly ApprovalState[]> {
    const { store } = this.#parts.holds;
    const rows = await store.recent(application, { after: firstIdAt(since), limit: pastLimit });
    return rows.flatMap((row) => {
      const other = recordOf(row);
      return other.tool === tool && other.digest !== digest ? [stateOf(row.state)] : [];
    });
  }

  /** Told of every hold that was filed or changed here. */
  onChange(listener: (hold: Hold) => void): void {
    this.#parts.holds.onChange(listener);
  }

  now(): Promise<number> {
    return this.#parts.holds.store.now();
  }

  /** Puts on record that an operator was shown it; `shown` is the digest of the view. */
  async viewed(approval: Approval, shown: string, name: string): Promise<void> {
    const { entries, record } = this.#parts;
    const operator = await entries.operatorId(name);
    await record([entries.viewed(approval, shown, operator)]);
  }

  async holdOfApproval(id: string): Promise<Hold | null> {
    return this.#parts.holds.ofApproval(id);
  }

  /** A vote counts or is refused; either way it is on record when this resolves. */
  async vote(id: string, voter: Voter, ballot: Ballot): Promise<Result<Approval, VoteFailure>> {
    const operator = await this.#parts.entries.operatorId(voter.name);
    const voted = await this.#retried(async () => {
      const subject = await readSubject(this.#parts, id);
      if (!subject.ok) return subject;
      const cast = await castVote(this.#parts, subject.value, voter, operator, ballot);
      if (!cast.ok) return cast;
      const { hold, approval, entries } = cast.value;
      const until = subject.value.approval.expires_at;
      const { outcome } = await this.#parts.holds.change(subject.value.hold, hold, entries, { until });
      if (outcome === "changed") return ok(approval);
      return outcome === "too_late" ? fail({ reason: "expired" as const }) : null;
    });
    if (!voted.ok) await this.#refused(id, ballot.decision, voted.failure, operator);
    return voted;
  }

  /** Other bytes in place of these: a new revision, on which everybody votes anew. */
  async edit(id: string, voter: Voter, change: Edit): Promise<Result<Approval, EditFailure>> {
    const operator = await this.#parts.entries.operatorId(voter.name);
    const done = await this.#retried(async () => {
      const subject = await readSubject(this.#parts, id);
      if (!subject.ok) return subject;
      const made = await edited(this.#parts, subject.value, voter, operator, change);
      if (!made.ok) return made;
      const { hold, approval, entries } = made.value;
      const until = subject.value.approval.expires_at;
      const { outcome } = await this.#parts.holds.change(subject.value.hold, hold, entries, { until });
      if (outcome === "changed") return ok(approval);
      return outcome === "too_late" ? fail({ reason: "expired" as const }) : null;
    });
    if (!done.ok) await this.#refused(id, "edit", done.failure, operator);
    return done;
  }

  /** Takes back what waits, or was approved and not yet used. */
  async revoke(id: string, voter: Voter, reason: string | null): Promise<Result<Approval, VoteFailure>> {
    const operator = await this.#parts.entries.operatorId(voter.name);
    const revoked = await this.#end(id, "revoke", { kind: "operator", id: operator }, reason);
    if (!revoked.ok) await this.#refused(id, "revoke", revoked.failure, operator);
    return revoked;
  }

  /** By whoever asked for it. */
  async cancel(id: string, application: string): Promise<Result<Approval, VoteFailure>> {
    return this.#end(id, "cancel", { kind: "application", id: application }, null);
  }

  async #end(
    id: string,
    event: "revoke" | "cancel",
    by: Ender,
    reason: string | null,
  ): Promise<Result<Approval, VoteFailure>> {
    return this.#retried(async () => {
      const subject = await readSubject(this.#parts, id);
      if (!subject.ok) return subject;
      const { hold, approval, now } = subject.value;
      // Of another's approval an application learns nothing.
      if (by.kind === "application" && by.id !== approval.application) {
        return fail({ reason: "unknown_approval" as const });
      }
      const named =
        by.kind === "operator" ? await revokedBy(this.#parts, subject.value, by.id, reason) : hold;
      const over = ended(this.#parts.entries, named, event, by, now, {
        only: (one) => one.id === id,
        reason,
      });
      if (over === null) return fail({ reason: "not_pending" as const, state: approval.state });
      const { outcome, hold: after } = await this.#parts.holds.change(hold, over.hold, over.entries);
      const changed = current(after).find((one) => one.id === id);
      return outcome === "changed" && changed !== undefined ? ok(changed) : null;
    });
  }

  /** Runs again while others are faster. */
  async #retried<Value, Failure extends { readonly reason: string }>(
    attempt: () => Promise<Result<Value, Failure> | null>,
  ): Promise<Result<Value, Failure | { readonly reason: "busy" }>> {
    for (let tries = 0; tries < maxTries; tries += 1) {
      const done = await attempt();
      if (done !== null) return done;
    }
    return fail({ reason: "busy" });
  }

  async #refused(
    id: string,
    decision: "approve" | "reject" | "edit" | "revoke",
    failure: EditFailure,
    operator: string,
  ): Promise<void> {
    const hold = await this.#parts.holds.ofApproval(id);
    const approval = hold === null ? undefined : current(hold).find((one) => one.id === id);
    if (approval === undefined) return;
    const ruling = "ruling" in failure ? failure.ruling : null;
    const refused = { decision, reason: failure.reason, ruling };
    await this.#parts.record([this.#parts.entries.voteRefused(approval, refused, operator)]);
  }
}
