// What the model proposes to do is decided like a call of its own, before the client sees any of it. One answer is one
// batch: if one of its actions is not permitted, none is released.

import { commitment } from "portcullis-verify/leaves/commitment.ts";
import { newId } from "../../core/id.ts";
import type { DeterminingPolicy, Refusal } from "../../core/refusal.ts";
import type { CallFacts } from "../../facts/call-facts.ts";
import { type ActionFacts, describeAction, type ProposedAction } from "../../facts/proposed-actions.ts";
import type { ToolClassification } from "../../facts/tool-catalog.ts";
import type { Decision, DecisionRequest } from "../../policy/decision.ts";
import type { DescribedCall } from "../call.ts";
import type { CallRun } from "../call-run.ts";
import { sha256 } from "../digest.ts";
import type { GatewayParts } from "../parts.ts";
import type { Recording } from "../recording.ts";
import type { DecidableCall } from "./decide.ts";
import { recordedPolicies, recordedReasons, recordedShadow } from "./record-decision.ts";

type ActionParts = Pick<GatewayParts, "catalog" | "policy" | "trail" | "clock" | "watch">;

export interface ActionsVerdict {
  /** Each is to be durable before anything is released: see `actionEntries`. */
  readonly decided: readonly DecidedAction[];
  /** Null when every action is permitted. */
  readonly refusal: Refusal | null;
}

/** More actions than this in one answer is not an answer that anybody asked for. */
export const maxActions = 256;

export interface DecidedAction {
  /** `act_…`. */
  readonly id: string;
  readonly action: ProposedAction;
  readonly classification: ToolClassification;
  readonly decision: Decision;
  /** Labels that the detectors found in the arguments; null when these cannot be described. */
  readonly labels: readonly string[] | null;
  /** What of the facts is recorded, as they were when this was decided; null when they cannot be described. */
  readonly facts: { readonly labels: readonly string[]; readonly time: number } | null;
  /** Why policy was not asked, or null. */
  readonly undescribable: string | null;
}

export function decideActions(
  parts: ActionParts,
  run: CallRun,
  actions: readonly ProposedAction[],
  truncated: boolean,
): ActionsVerdict {
  if (actions.length === 0) return { decided: [], refusal: null };
  if (actions.length > maxActions) {
    const detail = `the answer proposes ${actions.length} tool calls; at most ${maxActions} are decided on`;
    return { decided: [], refusal: { reason: "tool_call_denied", tools: [], detail, policies: [] } };
  }
  const decided = actions.map((action) => decideAction(parts, run.call, action, { truncated }));
  for (const { decision } of decided) parts.watch.decidedAction(run.call, decision);
  return { decided, refusal: batchRefusal(decided) };
}

/** The entries of these decisions, made out of an answer to the run's newest dispatch. */
export function actionEntries(
  parts: ActionParts,
  run: CallRun,
  { decided }: Pick<ActionsVerdict, "decided">,
): readonly Recording[] {
  return decided.map((one) => actionEntry(parts, run, one));
}

/** `given`: sign-offs for exactly these bytes. `id`: of an action that was decided before. */
export function decideAction(
  parts: Pick<ActionParts, "catalog" | "policy" | "clock">,
  call: ActionCall & Pick<DescribedCall, "request">,
  action: ProposedAction,
  options: { readonly truncated?: boolean; readonly given?: readonly string[]; readonly id?: string } = {},
): DecidedAction {
  const { truncated = false, given = [], id = newId("act", parts.clock.now()) } = options;
  const offered = call.request.offeredTools.get(action.tool);
  const classification = parts.catalog.classify(action.tool, offered);
  const described = describeAction(action, parts.catalog.argumentTypes.get(action.tool) ?? null);
  const undescribable = truncated
    ? "the answer was cut off, so its tool calls may be incomplete"
    : described.ok
      ? null
      : described.failure.detail;
  if (undescribable !== null || !described.ok) {
    const decision = denied(parts.policy.revision);
    return { id, action, classification, decision, labels: null, facts: null, undescribable };
  }
  const { labels } = described.value;
  const facts = { labels: unionOfLabels(call.facts.labels, labels), time: call.facts.time };
  const decision = parts.policy.decide(
    actionRequest(call, action.tool, classification, described.value),
    given,
  );
  return { id, action, classification, decision, labels, facts, undescribable: null };
}

/** What a tool call has of the call that it comes out of. */
export interface ActionCall extends Pick<DecidableCall, "application"> {
  readonly facts: Pick<CallFacts, "labels" | "user" | "source_address" | "time">;
}

/** What policy is asked about a tool call. `described` is what its arguments say. */
export function actionRequest(
  { application, facts }: ActionCall,
  tool: string,
  classification: ToolClassification,
  described: ActionFacts,
): DecisionRequest {
  return {
    action: "call_tool",
    principal: { id: application.name },
    tool,
    catalogued: classification.catalogued,
    context: {
      source: "client",
      application: application.name,
      effect: classification.effect,
      unattended: classification.unattended !== null,
      ...(described.arguments === undefined ? {} : { arguments: described.arguments }),
      labels: unionOfLabels(facts.labels, described.labels),
      ...(facts.user === undefined ? {} : { user: facts.user }),
      source_address: facts.source_address,
      time: facts.time,
    },
  };
}

function denied(revision: string): Decision {
  return { outcome: "deny", policies: [], signOffs: [], error: null, revision, shadow: null };
}

function unionOfLabels(one: readonly string[], other: readonly string[]): readonly string[] {
  return other.length === 0 ? one : [...new Set([...one, ...other])].sort();
}

/** `approval`: what it is released under. */
export function actionEntry(
  parts: Pick<ActionParts, "trail">,
  run: CallRun,
  decided: DecidedAction,
  approval: string | null = null,
): Recording {
  const { call } = run;
  const { action, classification, decision } = decided;
  const salt = parts.trail.newSalt(call.subject);
  const argumentBytes = Buffer.from(action.argumentBytes, "utf8");
  const entry = parts.trail.encode(
    {
      type: "action.decided",
      actor: { kind: "application", id: call.application.name },
      call: call.id,
      dispatch: run.dispatch,
      application: call.application.name,
      groups: [...call.application.groups],
      user: call.user,
      action: decided.id,
      source: "client",
      choice: action.choice,
      position: action.position,
      tool: action.tool.toWellFormed().slice(0, 256).toWellFormed(),
      effect: classification.effect,
      effect_basis: classification.basis,
      unattended: classification.unattended !== null,
      tool_digest: classification.toolDigest,
      facts: decided.facts === null ? null : { ...decided.facts, labels: [...decided.facts.labels] },
      arguments: commitment(salt.bytes, "action.decided", "arguments", sha256(argumentBytes)),
      decision: decision.outcome,
      policies: recordedPolicies(decision.policies),
      reasons: recordedReasons(
        decision.policies,
        decided.undescribable ?? decision.error ?? classification.unattended,
      ),
      sign_offs: [...decision.signOffs],
      revision: decision.revision,
      ...recordedShadow(decision),
      approval,
    },
    salt,
  );
  const level = call.application.payloads;
  const kept = level === "request" || level === "response";
  return { entry, payload: kept ? { subject: call.subject, fields: { arguments: argumentBytes } } : null };
}

function batchRefusal(decided: readonly DecidedAction[]): Refusal | null {
  const denials = decided.filter((one) => one.decision.outcome === "deny");
  if (denials.length > 0) {
    return {
      reason: "tool_call_denied",
      tools: toolNames(denials),
      detail: denialDetail(denials),
      policies: policiesOf(denials),
    };
  }
  const holds = decided.filter((one) => one.decision.outcome === "hold");
  if (holds.length === 0) return null;
  return {
    reason: "approval_required",
    tools: toolNames(holds),
    signOffs: [...new Set(holds.flatMap((one) => one.decision.signOffs))],
    policies: policiesOf(holds),
  };
}

function denialDetail(denials: readonly DecidedAction[]): string {
  const details = denials.map(
    (one) =>
      one.undescribable ??
      one.decision.error ??
      (one.decision.policies.length === 0
        ? "no policy permits it"
        : one.decision.policies.map((policy) => `${policy.reason} (${policy.id})`).join("; ")),
  );
  return [...new Set(details)].slice(0, 8).join("; ");
}

function toolNames(decided: readonly DecidedAction[]): string[] {
  return [...new Set(decided.map((one) => one.action.tool))];
}

function policiesOf(decided: readonly DecidedAction[]): DeterminingPolicy[] {
  const all = decided.flatMap((one) => one.decision.policies);
  return [...new Map(all.map((policy) => [policy.id, policy])).values()];
}
