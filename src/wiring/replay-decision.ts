// A recorded decision, evaluated again by the revision that it names and on the gateway's own path.

import type { LeafOf } from "portcullis-verify/leaves/leaf-schema.ts";
import type { ArgumentValues } from "../core/argument-type.ts";
import { ok, type Result } from "../core/result.ts";
import { readArguments } from "../facts/arguments.ts";
import { type DecidableCall, decide } from "../gateway/steps/decide.ts";
import { actionRequest } from "../gateway/steps/decide-actions.ts";
import { recordedPolicies, recordedShadow } from "../gateway/steps/record-decision.ts";
import { emptyArguments } from "../policy/argument-values.ts";
import { CedarEngines } from "../policy/cedar-engine.ts";
import { actionOf } from "../policy/cedar-request.ts";
import { argumentsFact, callFacts } from "../policy/context-facts.ts";
import { contextReads } from "../policy/context-reads.ts";
import { countersFrom } from "../policy/counter-facts.ts";
import { type Decider, decider } from "../policy/decider.ts";
import type { Decision, DecisionPoint, DecisionRequest } from "../policy/decision.ts";
import type { DecisionCache } from "../policy/decision-cache.ts";
import { factsOf, isCallContext } from "../policy/describable.ts";
import { type RecordedRevision, readRecordedRevision } from "../policy/explain/recorded-revision.ts";
import { type Slice, slicePolicies } from "../policy/slice.ts";
import { factDefaults } from "../policy/testing/test-facts.ts";
import type { PolicyWorld } from "../policy/world.ts";

export type DecidedLeaf = LeafOf<"call.decided"> | LeafOf<"action.decided">;

/** What the record only commits to, or why it is not known. */
export type CommittedText = Result<string, string>;

export interface CommittedFacts {
  /** The address that the call came from. */
  readonly sourceAddress: CommittedText;
  /** Whom the request names. */
  readonly user: CommittedText;
  /** Of a tool call, as the model wrote them. */
  readonly arguments: CommittedText;
}

/** A revision that decides again. */
export interface RevisionAtWork extends RecordedRevision {
  readonly slices: ReadonlyMap<string, Slice>;
  readonly decider: Decider;
}

/**
 * `content` is what is kept of it; a failure is text for people. With a cache, what was evaluated before is remembered. Of
 * the same `engines` only the revision that came last decides.
 */
export function revisionAtWork(
  id: string,
  content: string,
  cache: DecisionCache | null,
  engines: CedarEngines = new CedarEngines(),
): Result<RevisionAtWork, string> {
  const read = readRecordedRevision(id, content);
  if (!read.ok) return read;
  const { loaded } = read.value;
  const slices = slicePolicies(loaded.policies, loaded.world);
  const engine = engines.prepare(loaded, slices);
  return ok({ ...read.value, slices, decider: decider(loaded, slices, engine, cache) });
}

export interface ReplayedDecision {
  /** Whether evaluating it again gives what is on record. */
  readonly replay: "same" | "differs" | "not_possible";
  /** In words: what differs, or why it could not be evaluated. */
  readonly detail: string | null;
  /** Whether policies in force or in shadow look at facts that are not known. */
  readonly lacking: boolean;
  /** What policy was asked, and what it said. */
  readonly asked: readonly AskedAgain[];
  /** Facts that are not on record, with why. */
  readonly unknown: ReadonlyMap<string, string>;
}

export interface AskedAgain {
  readonly request: DecisionRequest;
  readonly decision: Decision;
  readonly lacking: LackingFacts;
}

/** Whether policy was asked at all: what cannot be described to it is denied. */
export function wasAsked(leaf: DecidedLeaf): boolean {
  return leaf.facts !== null && (leaf.type === "action.decided" || leaf.target !== null);
}

/** `given`: the sign-offs that it was taken with. Only of a decision that policy was asked for. */
export function replayDecision(
  { loaded, slices, decider: { counters, decide: decideAgain } }: RevisionAtWork,
  leaf: DecidedLeaf,
  committed: CommittedFacts,
  given: readonly string[],
): ReplayedDecision {
  const { values, unknown } = factsOnRecord(leaf, committed);
  const typed = typedArguments(leaf, loaded.world.arguments, committed.arguments);
  if (typed !== null && !typed.known.ok) unknown.set(argumentsFact, typed.known.failure);
  const asked: { readonly request: DecisionRequest; readonly decision: Decision }[] = [];
  const point: DecisionPoint = {
    revision: leaf.revision,
    counters,
    decide: (request) => {
      const decision = decideAgain(request, given);
      asked.push({ request, decision });
      return decision;
    },
  };
  const again = askAgain(point, leaf, values, typed?.values);
  const lacking = asked.map(({ request }) => lackingFacts(slices.get(actionOf(request)), unknown));
  const none: LackingFacts = { enforced: [], shadowed: [] };
  return {
    ...comparison(leaf, again, lacking),
    lacking: lacking.some(({ enforced, shadowed }) => enforced.length + shadowed.length > 0),
    asked: asked.map((one, index) => ({ ...one, lacking: lacking[index] ?? none })),
    unknown,
  };
}

/** Facts that policies look at and nobody knows. */
export interface LackingFacts {
  readonly enforced: readonly string[];
  /** Those of shadow policies besides. */
  readonly shadowed: readonly string[];
}

function lackingFacts(slice: Slice | undefined, unknown: ReadonlyMap<string, string>): LackingFacts {
  const read = new Set((slice?.policies ?? []).flatMap((policy) => [...contextReads(policy)]));
  const lacking = (slice?.reads ?? []).filter((name) => unknown.has(name));
  return {
    enforced: lacking.filter((name) => read.has(name)),
    shadowed: lacking.filter((name) => !read.has(name)),
  };
}

function comparison(
  leaf: DecidedLeaf,
  again: Decision,
  lacking: readonly LackingFacts[],
): Pick<ReplayedDecision, "replay" | "detail"> {
  const enforced = [...new Set(lacking.flatMap((one) => one.enforced))];
  if (enforced.length > 0) {
    return {
      replay: "not_possible",
      detail: `it cannot be explained fully: policies look at ${namedFacts(enforced)}`,
    };
  }
  const shadowed = [...new Set(lacking.flatMap((one) => one.shadowed))];
  const different = difference(leaf, again) ?? (shadowed.length > 0 ? null : shadowDifference(leaf, again));
  if (different !== null) return { replay: "differs", detail: different };
  const detail =
    shadowed.length === 0
      ? null
      : `shadow policies cannot be explained fully: they look at ${namedFacts(shadowed)}`;
  return { replay: "same", detail };
}

function namedFacts(names: readonly string[]): string {
  const listed = names.map((name) => `\`context.${name}\``).join(", ");
  return `${listed}, which ${names.length === 1 ? "is" : "are"} not known`;
}

interface FactsOnRecord {
  readonly values: DecidableCall["facts"];
  /** These have a value in `values` that stands for none, because there must be one: nothing may rest on it. */
  readonly unknown: Map<string, string>;
}

interface TypedArguments {
  /** These stand for none where they are not known: nothing may rest on them. */
  readonly values: ArgumentValues;
  readonly known: Result<ArgumentValues, string>;
}

/** Null where policies were not given any. */
function typedArguments(
  leaf: DecidedLeaf,
  types: PolicyWorld["arguments"],
  committed: CommittedText,
): TypedArguments | null {
  if (leaf.type === "call.decided" || leaf.effect_basis === "uncatalogued") return null;
  const type = types?.get(leaf.tool);
  if (type === undefined) return null;
  const known = committed.ok ? readArguments(committed.value, type) : committed;
  return { values: known.ok ? known.value : emptyArguments(type), known };
}

/** What the schema holds of a model's name; a longer one was cut. */
const longestModel = 256;

function factsOnRecord(
  leaf: DecidedLeaf,
  { sourceAddress: address, user }: Omit<CommittedFacts, "arguments">,
): FactsOnRecord {
  const unknown = new Map<string, string>();
  const stated = new Map<string, unknown>(Object.entries(leaf.facts ?? {}));
  if (leaf.type === "call.decided") {
    stated.set("requested_model", leaf.requested_model);
    if (leaf.requested_model.length >= longestModel) unknown.set("requested_model", "on record it is cut");
  }
  if (address.ok) stated.set("source_address", address.value);
  else unknown.set("source_address", address.failure);
  if (leaf.user !== null) {
    stated.set("user", user.ok ? user.value : "");
    if (!user.ok) unknown.set("user", user.failure);
  }
  const values: Record<string, unknown> = {};
  const ofAction = new Set(factsOf("call_tool").map(({ name }) => name));
  for (const { name, type, optional } of callFacts) {
    const value = stated.get(name);
    if (value !== undefined) values[name] = value;
    else if (optional !== true) {
      values[name] = factDefaults[type];
      if (!unknown.has(name) && (leaf.type === "call.decided" || ofAction.has(name))) {
        unknown.set(name, "it is not on record");
      }
    }
  }
  if (!isCallContext(values)) throw new Error(`the facts of entry ${leaf.id} are not those of a call`);
  return { values, unknown };
}

function askAgain(
  point: DecisionPoint,
  leaf: DecidedLeaf,
  facts: DecidableCall["facts"],
  values: ArgumentValues | undefined,
): Decision {
  const features = leaf.facts?.["features"];
  const call: DecidableCall = {
    endpoint: leaf.type === "call.decided" && leaf.endpoint === "embeddings" ? "embeddings" : "chat",
    application: { name: leaf.application },
    facts,
    request: { features: Array.isArray(features) ? features : [] },
  };
  if (leaf.type === "action.decided") {
    const classification = {
      catalogued: leaf.effect_basis !== "uncatalogued",
      effect: leaf.effect,
      basis: leaf.effect_basis,
      unattended: leaf.unattended ? "recorded" : null,
      toolDigest: leaf.tool_digest,
    };
    const described = { labels: [], ...(values === undefined ? {} : { arguments: values }) };
    return point.decide(actionRequest(call, leaf.tool, classification, described));
  }
  const target = leaf.target ?? "";
  const slash = target.indexOf("/");
  const counters = countersFrom(point.counters, leaf.facts ?? {}, leaf.user !== null, undefined);
  const model = { provider: target.slice(0, slash), model: target.slice(slash + 1) };
  return decide({ policy: point }, call, model, counters);
}

/** In words, or null when the two are the same. */
function difference(leaf: DecidedLeaf, again: Decision): string | null {
  const recorded = rulingText(leaf.decision, leaf.policies.ids, leaf.sign_offs);
  const found = rulingText(again.outcome, recordedPolicies(again.policies).ids, again.signOffs);
  const hints =
    leaf.facts?.["features_left_out"] === undefined ? "" : "; not all of its features are on record";
  return recorded === found
    ? null
    : `on record is ${recorded}, and evaluating it again gives ${found}${hints}`;
}

function shadowDifference(leaf: DecidedLeaf, again: Decision): string | null {
  const [one, other] = [leaf.shadow, recordedShadow(again).shadow].map((told) =>
    told === undefined ? "none" : rulingText(told.decision, told.policies.ids, told.sign_offs),
  );
  return one === other
    ? null
    : `on record of shadow policies is ${one}, and evaluating them again gives ${other}`;
}

function rulingText(outcome: string, policies: readonly string[], signOffs: readonly string[]): string {
  const needed = signOffs.length === 0 ? "" : ` for ${signOffs.toSorted().join(", ")}`;
  const ids =
    policies.length === 0
      ? "no policy"
      : policies
          .toSorted()
          .map((id) => `\`${id}\``)
          .join(", ");
  return `${outcome}${needed} by ${ids}`;
}
