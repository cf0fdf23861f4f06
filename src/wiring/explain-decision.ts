// A recorded decision, evaluated again and explained clause by clause.

import { ok, type Result } from "../core/result.ts";
import { argumentsFact } from "../policy/context-facts.ts";
import { factsOf } from "../policy/describable.ts";
import { type ExplainedAnswer, explainRequest } from "../policy/explain/explain-request.ts";
import {
  type CommittedFacts,
  type DecidedLeaf,
  type ReplayedDecision,
  type RevisionAtWork,
  replayDecision,
  revisionAtWork,
  wasAsked,
} from "./replay-decision.ts";

/** Names of the sign-offs that an entry was decided with, or why they are not known. */
export type GivenSignOffs = Result<readonly string[], string>;

export interface DecisionExplanation extends Pick<ReplayedDecision, "replay" | "detail"> {
  readonly leaf: DecidedLeaf;
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
  if (!wasAsked(leaf)) return cannot("policy was not asked: what was sent could not be described to it");
  if (!given.ok) return cannot(given.failure);
  if (content === null) return cannot(`nothing is kept of the revision ${leaf.revision}`);
  const revision = revisionAtWork(leaf.revision, content, null);
  return revision.ok ? explainBy(revision.value, leaf, committed, given.value) : cannot(revision.failure);
}

const noneGiven = ok([]);

function explainBy(
  revision: RevisionAtWork,
  leaf: DecidedLeaf,
  committed: CommittedFacts,
  given: readonly string[],
): DecisionExplanation {
  const { asked, unknown, replay, detail } = replayDecision(revision, leaf, committed, given);
  const names = new Set(asked.flatMap(({ request }) => factsOf(request.action).map(({ name }) => name)));
  names.add(argumentsFact);
  return {
    leaf,
    ...{ replay, detail },
    answers: asked.map(({ request, decision, lacking }) => {
      const shadow = lacking.shadowed.length === 0 ? decision.shadow : null;
      const known = lacking.enforced.length === 0 ? { ...decision, shadow } : null;
      return explainRequest(revision, request, known, unknown, given);
    }),
    unknown: [...unknown].filter(([fact]) => names.has(fact)).map(([fact, why]) => ({ fact, why })),
  };
}
