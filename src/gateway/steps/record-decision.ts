// Step 6: the decision goes on record, durably, before anything it allows happens.

import { commitment } from "portcullis-verify/leaves/commitment.ts";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import type { EntrySalt } from "../../core/entry.ts";
import type { DeterminingPolicy } from "../../core/refusal.ts";
import type { Decision } from "../../policy/decision.ts";
import { type DescribedCall, type IdentifiedCall, type Target, targetId } from "../call.ts";
import { sha256 } from "../digest.ts";
import type { GatewayParts } from "../parts.ts";
import type { Recording } from "../recording.ts";
import type { CallDecision } from "./decide.ts";

type DecidedBody = LeafBody<"call.decided">;

/** What a leaf can hold of these; more would only repeat what the revision's record says. */
const maxPolicies = 100;
const maxReasons = 16;

type RecordParts = Pick<GatewayParts, "trail">;

/** What it is permitted under, where it waited; and what it is to be answered from, where that is there already. */
export type RestsOn = Pick<DecidedBody, "approval" | "hold" | "choice">;

/** The entry for one decision about one concrete target. `dispatch` counts from 1. */
export function decisionEntry(
  parts: RecordParts,
  call: DescribedCall,
  dispatch: number,
  target: Target,
  decision: CallDecision,
  rests: RestsOn = {},
): Recording {
  return encodeDecided(parts, call, call.subject, {
    dispatch,
    user: call.user,
    requested_model: call.request.requestedModel,
    target: targetId(target),
    facts: { ...recordedFacts(call), ...recordedCounters(decision.counters) },
    decision: decision.outcome,
    policies: recordedPolicies(decision.policies),
    reasons: recordedReasons(decision.policies, decision.error ?? decision.detail),
    sign_offs: [...decision.signOffs],
    revision: decision.revision,
    ...recordedShadow(decision),
    ...rests,
  });
}

/** The entry for a call that got no further than being understood: a deny without facts. */
export async function undescribedEntry(
  parts: Pick<GatewayParts, "trail" | "subjects" | "policy">,
  call: IdentifiedCall,
  requestedModel: string,
  reason: string,
): Promise<Recording> {
  const subject = await parts.subjects.applicationId(call.application.name);
  return encodeDecided(parts, call, subject, {
    dispatch: 1,
    user: null,
    requested_model: requestedModel,
    target: null,
    facts: null,
    decision: "deny",
    policies: { ids: [], more: 0 },
    reasons: [bounded(reason)],
    sign_offs: [],
    revision: parts.policy.revision,
  });
}

export function recordedPolicies(
  policies: readonly DeterminingPolicy[],
  most: number = maxPolicies,
): { ids: string[]; more: number } {
  return {
    ids: policies.slice(0, most).map((policy) => policy.id),
    more: Math.max(0, policies.length - most),
  };
}

/** Few, so that what is only tried out never makes an entry too large to be written. */
const maxShadowPolicies = 16;

/** Nothing where no policy in shadow mode was asked. */
export function recordedShadow({ shadow }: Pick<Decision, "shadow">): Pick<DecidedBody, "shadow"> {
  if (shadow === null) return {};
  return {
    shadow: {
      decision: shadow.outcome,
      error: shadow.error !== null,
      policies: recordedPolicies(shadow.policies, maxShadowPolicies),
      sign_offs: [...shadow.signOffs],
    },
  };
}

export function recordedReasons(policies: readonly DeterminingPolicy[], detail: string | null): string[] {
  const reasons = policies.map((policy) => policy.reason);
  return (detail === null ? reasons : [detail, ...reasons]).slice(0, maxReasons).map(bounded);
}

type DecidedFields = Omit<
  DecidedBody,
  "type" | "actor" | "call" | "endpoint" | "application" | "groups" | "source_address" | "request"
>;

function encodeDecided(
  parts: RecordParts,
  call: IdentifiedCall,
  subject: string,
  fields: DecidedFields,
): Recording {
  const salt = parts.trail.newSalt(subject);
  const entry = parts.trail.encode(
    {
      type: "call.decided",
      actor: { kind: "application", id: call.application.name },
      call: call.id,
      endpoint: call.endpoint,
      application: call.application.name,
      groups: [...call.application.groups],
      source_address: commitTo(salt, "source_address", call.sourceAddress),
      request: commitTo(salt, "request", sha256(call.body)),
      ...fields,
    },
    salt,
  );
  return { entry, payload: payloadOf(call, subject) };
}

function commitTo(salt: EntrySalt, field: string, value: string | Uint8Array): string {
  return commitment(salt.bytes, "call.decided", field, value);
}

function payloadOf(call: IdentifiedCall, subject: string): Recording["payload"] {
  const level = call.application.payloads;
  if (level === "none") return null;
  const fields = {
    source_address: Buffer.from(call.sourceAddress),
    ...(level === "metadata" ? {} : { request: call.body }),
  };
  return { subject, fields };
}

/**
 * Personal facts are payload: the user is a pseudonym of its own, the address a commitment. `features`, where there are
 * any, are the fields that were decided on besides.
 */
function recordedFacts({ facts, request }: DescribedCall): NonNullable<DecidedBody["facts"]> {
  return {
    ...recordedFeatures(request.features),
    message_count: facts.message_count,
    input_tokens: facts.input_tokens,
    ...(facts.output_limit === undefined ? {} : { output_limit: facts.output_limit }),
    stream: facts.stream,
    tools: [...facts.tools],
    has_images: facts.has_images,
    has_audio: facts.has_audio,
    has_files: facts.has_files,
    labels: [...facts.labels],
    time: facts.time,
  };
}

/** As the trail writes them, so that an entry stays under its 64 KiB. */
const maxFeaturesBytes = 8 * 1024;

function recordedFeatures(features: readonly string[]): NonNullable<DecidedBody["facts"]> {
  if (features.length === 0) return {};
  let bytes = 0;
  const fitting = features.filter((feature) => {
    bytes += Buffer.byteLength(JSON.stringify(feature)) + 1;
    return bytes <= maxFeaturesBytes;
  });
  const left = features.length - fitting.length;
  return { features: fitting, ...(left === 0 ? {} : { features_left_out: left }) };
}

/** By their paths. Those of a user that the call does not name are no facts. */
function recordedCounters(counters: CallDecision["counters"]): Record<string, number> {
  const recorded: Record<string, number> = {};
  for (const [path, value] of Object.entries(counters ?? {})) if (value !== null) recorded[path] = value;
  return recorded;
}

function bounded(reason: string): string {
  return reason.toWellFormed().slice(0, 500).toWellFormed();
}
