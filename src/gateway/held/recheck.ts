// Policy asked again at the release, with what was signed off: the bytes are those that were approved; time, groups, key,
// application, catalog and policies are those of this moment.

import type { Approval, ApprovalContent } from "../../approvals/approval.ts";
import type { Ruling } from "../../approvals/ports.ts";
import type { Recheck } from "../../approvals/releasing.ts";
import type { CallFacts } from "../../facts/call-facts.ts";
import type { ProposedAction } from "../../facts/proposed-actions.ts";
import type { DescribedCall } from "../call.ts";
import type { CallRun } from "../call-run.ts";
import type { GatewayParts } from "../parts.ts";
import type { Recording } from "../recording.ts";
import { actionEntry, type DecidedAction, decideAction } from "../steps/decide-actions.ts";

export class ActionRecheck implements Recheck {
  readonly #parts: GatewayParts;
  readonly #run: CallRun;
  readonly #decided = new Map<string, DecidedAction>();
  #recordings: Recording[] = [];

  constructor(parts: GatewayParts, run: CallRun) {
    this.#parts = parts;
    this.#run = run;
  }

  /** What was put on record by the last try. */
  get recordings(): readonly Recording[] {
    return this.#recordings;
  }

  async rule(
    approval: Approval,
    { bytes, question }: ApprovalContent,
    given: readonly string[],
  ): Promise<Ruling> {
    const { call } = this.#run;
    const now = this.#parts.inForce();
    const detail = this.#changed(approval);
    if (detail !== null) return denied(now.policy.revision, detail);
    const asked = heldQuestion(question);
    const facts = { ...call.facts, ...asked.facts, time: now.clock.now() };
    const decided = decideAction(now, { ...call, facts }, actionOf(approval, bytes, asked.kind), {
      given,
      id: approval.action ?? approval.id,
    });
    this.#decided.set(approval.id, decided);
    const { effect } = decided.classification;
    if (effect !== approval.effect) {
      return denied(decided.decision.revision, `the catalog calls the tool a ${effect} since`);
    }
    const { outcome, policies, signOffs, revision, error } = decided.decision;
    return { outcome, policies, signOffs, revision, detail: decided.undescribable ?? error };
  }

  decided(approval: Approval): Recording["entry"] {
    const decided = this.#decided.get(approval.id);
    if (decided === undefined) throw new Error(`approval ${approval.id} was not decided again`);
    const recording = actionEntry(this.#parts, this.#run, decided, approval.id);
    this.#recordings.push(recording);
    return recording.entry;
  }

  begin(): void {
    this.#recordings = [];
  }

  #changed({ tool, tool_digest: digest }: Approval): string | null {
    const { call } = this.#run;
    const fallen = fallenPrincipal(this.#parts, call);
    if (fallen !== null) return fallen;
    const offered = call.request.offeredTools.get(tool ?? "");
    return (offered?.digest() ?? null) === digest ? null : "the tool's definition has changed since";
  }
}

/** Facts of a tool call that its bytes do not say, as they were when it was held. */
export interface HeldQuestion {
  readonly kind: ProposedAction["kind"];
  readonly facts: Pick<CallFacts, "labels" | "source_address" | "user">;
}

/** `question` is what `JSON.stringify` made of one, and was sealed since. */
export function heldQuestion(question: string): HeldQuestion {
  return JSON.parse(question);
}

export function actionOf(
  { tool, choice, position }: Pick<Approval, "tool" | "choice" | "position">,
  bytes: string,
  kind: ProposedAction["kind"],
): ProposedAction {
  return { choice, position, id: null, kind, tool: tool ?? "", argumentBytes: bytes, malformed: null };
}

/** Why whoever asked may not get it any more, or null. */
export function fallenPrincipal(
  { holding }: Pick<GatewayParts, "holding">,
  { application, holder }: Pick<DescribedCall, "application" | "holder">,
): string | null {
  return holding.stands(application.name, holder?.keyId ?? null)
    ? null
    : "the key that asked for it is valid no more";
}

export function denied(revision: string, detail: string): Ruling {
  return { outcome: "deny", policies: [], signOffs: [], revision, detail };
}
