// Evaluates recorded decisions again for `audit verify`, by the revisions that are kept and, where the keys are at hand, with
// what the trail only commits to.

import type {
  DecisionReplayer,
  RecordedDecision,
  Replayed,
  Unreplayable,
} from "portcullis-verify/rules/replay-rules.ts";
import { fail, type Result } from "../core/result.ts";
import { CedarEngines } from "../policy/cedar-engine.ts";
import { cachedDecisions } from "../policy/decider.ts";
import { DecisionCache } from "../policy/decision-cache.ts";
import { isOfRevision } from "../policy/explain/recorded-revision.ts";
import {
  type CommittedFacts,
  type CommittedText,
  type DecidedLeaf,
  type RevisionAtWork,
  replayDecision,
  revisionAtWork,
  wasAsked,
} from "./replay-decision.ts";

/** What the trail commits to and does not say, from where it is kept. */
export interface CommittedReader {
  /** The field of this entry, held against what the entry commits to. */
  field(leaf: DecidedLeaf, field: "source_address" | "arguments"): Promise<CommittedText>;
  /** Whom a pseudonym stands for. */
  userName(pseudonym: string): Promise<CommittedText>;
}

export interface ReplaySource {
  /** What is kept of a revision, or null. */
  revision(id: string): Promise<string | null>;
  /** Null where the keys are not at hand. */
  readonly committed: CommittedReader | null;
}

/** A revision ready to decide is some megabytes; a log runs through them in order. */
const revisionsAtWork = 8;

type KeptRevision = Result<RevisionAtWork, "revision_missing" | "revision_unreadable" | "revision_changed">;

/** One decision at a time. */
export function decisionReplayer(source: ReplaySource): DecisionReplayer {
  const revisions = new KeptRevisions(source);
  return {
    replay: async (decision) => {
      if (!wasAsked(decision.leaf)) return { status: "not_asked" };
      const revision = await revisions.of(decision.leaf.revision);
      if (revision.ok) return replay(revision.value, decision, source.committed);
      return revision.failure === "revision_changed"
        ? { status: "revision_changed" }
        : notPossible(revision.failure);
    },
  };
}

/** Those that were used last. What Cedar is given stays in its memory for good, so the next one takes the place of the oldest. */
class KeptRevisions {
  readonly #source: Pick<ReplaySource, "revision">;
  readonly #kept = new Map<string, { readonly revision: KeptRevision; readonly engines: CedarEngines }>();

  constructor(source: Pick<ReplaySource, "revision">) {
    this.#source = source;
  }

  async of(id: string): Promise<KeptRevision> {
    const known = this.#kept.get(id);
    if (known !== undefined) {
      this.#kept.delete(id);
      this.#kept.set(id, known);
      return known.revision;
    }
    const content = await this.#source.revision(id);
    const engines = this.#place();
    const revision = keptRevision(id, content, engines);
    this.#kept.set(id, { revision, engines });
    return revision;
  }

  #place(): CedarEngines {
    const [oldest] = this.#kept;
    if (oldest === undefined || this.#kept.size < revisionsAtWork) return new CedarEngines();
    const [id, { engines }] = oldest;
    this.#kept.delete(id);
    return engines;
  }
}

function keptRevision(id: string, content: string | null, engines: CedarEngines): KeptRevision {
  if (content === null) return fail("revision_missing");
  if (!isOfRevision(id, content)) return fail("revision_changed");
  const read = revisionAtWork(id, content, new DecisionCache(cachedDecisions), engines);
  return read.ok ? read : fail("revision_unreadable");
}

/** Most decisions rest on nothing that is only committed to; what is kept is read for the others alone. */
async function replay(
  revision: RevisionAtWork,
  decision: RecordedDecision,
  committed: CommittedReader | null,
): Promise<Replayed> {
  const { leaf, given } = decision;
  const known = replayDecision(revision, leaf, nothingCommitted, given);
  const replayed =
    known.lacking && committed !== null
      ? replayDecision(revision, leaf, await committedFacts(decision, committed), given)
      : known;
  switch (replayed.replay) {
    case "same":
      return replayed.lacking ? notPossible("facts_unknown") : { status: "same" };
    case "differs":
      return { status: "differs", detail: replayed.detail ?? "it differs" };
    case "not_possible":
      return notPossible("facts_unknown");
  }
}

const unread = fail("it is not recorded, only committed to");
const nothingCommitted: CommittedFacts = { sourceAddress: unread, user: unread, arguments: unread };

async function committedFacts(
  { leaf, call }: RecordedDecision,
  committed: CommittedReader,
): Promise<CommittedFacts> {
  return {
    sourceAddress: call === null ? unread : await committed.field(call, "source_address"),
    user: leaf.user === null ? unread : await committed.userName(leaf.user),
    arguments: leaf.type === "action.decided" ? await committed.field(leaf, "arguments") : unread,
  };
}

function notPossible(why: Unreplayable): Replayed {
  return { status: "not_possible", why };
}
