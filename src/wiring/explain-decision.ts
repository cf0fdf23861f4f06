// A recorded decision, evaluated again by the revision that it names and on the gateway's own path, and explained.

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
import { decider } from "../policy/decider.ts";
import type { Decision, DecisionPoint, DecisionRequest } from "../policy/decision.ts";
import { factsOf, isCallContext } from "../policy/describable.ts";
import { type ExplainedAnswer, explainRequest } from "../policy/explain/explain-request.ts";
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
  /** Of a tool call, as the model wrote them. */
  readonly arguments: CommittedText;
}

/** Names of the sign-offs that an entry was decided with, or why they are not known. */
export type GivenSignOffs = Result<readonly string[], string>;

export interface DecisionExplanation {
  readonly leaf: DecidedLeaf;
  /** Whether evaluating it again gives what is on record. */
  readonly replay: "same" | "differs" | "not_possible";
  /** In words: what differs, or why it could not be evaluated. */
  readonly detail: string | null;
  /** One for each question that policy was asked. */
  readonly answers: readonly ExplainedAnswer[];
  /** Facts that are not on record, with why. */
  readonly unknown: readonly { readonly fact: string; readonly why: string }[];
}

/** `content` is what is kept of the revision that the leaf names; null when nothing is. */
export function explainDecision(
  leaf: DecidedLeaf,
  content: string | null,
  committed: CommittedFacts,
  given: GivenSignOffs = noneGiven,
): DecisionExplanation {
  const cannot = (detail: string): DecisionExplanation => ({
    leaf,
    replay: "not_possible",
    detail,
    answers: [],
    unknown: [],
  });
  if (leaf.facts === null || (leaf.type === "call.decided" && leaf.target === null)) {
    return cannot("policy was not asked: what was sent could not be described to it");
  }
  if (!given.ok) return cannot(given.failure);
  if (content === null) return cannot(`nothing is kept of the revision ${leaf.revision}`);
  const revision = readRecordedRevision(leaf.revision, content);
  return revision.ok ? explainBy(revision.value, leaf, committed, given.value) : cannot(revision.failure);
}

const noneGiven = ok([]);

function explainBy(
  revision: RecordedRevision,
  leaf: DecidedLeaf,
  committed: CommittedFacts,
  given: readonly string[],
): DecisionExplanation {
  const { loaded } = revision;
  const slices = slicePolicies(loaded.policies, loaded.world);
  const { counters, decide: decideAgain } = decider(
    loaded,
    slices,
    new CedarEngines().prepare(loaded, slices),
    null,
  );
  const { values, unknown } = factsOnRecord(leaf, committed.sourceAddress);
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
  const names = new Set(asked.flatMap(({ request }) => factsOf(request.action).map(({ name }) => name)));
  names.add(argumentsFact);
  return {
    leaf,
    ...comparison(leaf, again, lacking),
    answers: asked.map(({ request, decision }, index) => {
      const known = (lacking[index]?.enforced ?? []).length === 0;
      const shadow = (lacking[index]?.shadowed ?? []).length === 0 ? decision.shadow : null;
      return explainRequest(
        { ...revision, slices },
        request,
        known ? { ...decision, shadow } : null,
        unknown,
        given,
      );
    }),
    unknown: [...unknown].filter(([fact]) => names.has(fact)).map(([fact, why]) => ({ fact, why })),
  };
}

/** Facts that policies look at and nobody knows. */
interface LackingFacts {
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
): Pick<DecisionExplanation, "replay" | "detail"> {
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

function factsOnRecord(leaf: DecidedLeaf, address: CommittedText): FactsOnRecord {
  const unknown = new Map<string, string>();
  const stated = new Map<string, unknown>(Object.entries(leaf.facts ?? {}));
  if (leaf.type === "call.decided") {
    stated.set("requested_model", leaf.requested_model);
    if (leaf.requested_model.length >= longestModel) unknown.set("requested_model", "on record it is cut");
  }
  if (address.ok) stated.set("source_address", address.value);
  else unknown.set("source_address", address.failure);
  if (leaf.user !== null) {
    stated.set("user", "");
    unknown.set("user", `on record is only its pseudonym ${leaf.user}`);
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
