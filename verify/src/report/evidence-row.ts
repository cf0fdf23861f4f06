// What an entry is evidence of, as one row that people can read: the same for tables of all of them and for a report.

import type { Leaf, LeafOf } from "../leaves/leaf-schema.ts";

export const evidenceKinds = [
  "call decided",
  "tool call decided",
  "sign-off asked for",
  "vote",
  "vote refused",
  "bytes edited",
  "approval ended",
  "released",
  "administration",
  "log",
  "outcome unknown",
] as const;
export type EvidenceKind = (typeof evidenceKinds)[number];

export interface EvidenceRow {
  readonly entry: number;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly kind: EvidenceKind;
  /** Empty where there is none; so are the others. */
  readonly call: string;
  readonly approval: string;
  readonly application: string;
  /** Whoever acted, or the user that a call names: people by their pseudonyms. */
  readonly who: string;
  readonly what: string;
  readonly outcome: string;
  /** What the outcome rests on. */
  readonly basis: string;
}

type Told = Pick<EvidenceRow, "kind" | "what" | "outcome" | "basis"> &
  Partial<Pick<EvidenceRow, "application" | "who">>;

/** Null for what is evidence of nothing but itself: a call that ended, or a view. */
export function evidenceRow(entry: number, leaf: Leaf): EvidenceRow | null {
  const told = toldBy(leaf);
  if (told === null) return null;
  return {
    entry,
    time: leaf.time,
    call: "call" in leaf && typeof leaf.call === "string" ? leaf.call : "",
    approval: "approval" in leaf && typeof leaf.approval === "string" ? leaf.approval : "",
    application: "application" in leaf ? leaf.application : "",
    who: leaf.actor.id,
    ...told,
  };
}

function toldBy(leaf: Leaf): Told | null {
  switch (leaf.type) {
    case "call.decided":
      return callDecided(leaf);
    case "action.decided":
      return actionDecided(leaf);
    case "call.completed":
      if (leaf.outcome !== "unknown") return null;
      return {
        kind: "outcome unknown",
        what: leaf.target ?? "",
        outcome: leaf.outcome,
        basis: leaf.reason ?? "",
      };
    case "log.created":
    case "log.opened":
    case "log.joined":
    case "log.closed":
    case "log.recovered":
    case "log.clock_reset":
    case "payload.expired":
      return { kind: "log", what: leaf.type, outcome: "", basis: logDetail(leaf) };
    case "approval.requested":
    case "approval.viewed":
    case "approval.voted":
    case "approval.vote_refused":
    case "approval.edited":
    case "approval.closed":
    case "approval.released":
      return approvalTold(leaf);
    default:
      return { kind: "administration", what: leaf.type, outcome: "", basis: administered(leaf) };
  }
}

function callDecided(leaf: LeafOf<"call.decided">): Told {
  const target = leaf.target ?? "nowhere";
  return {
    kind: "call decided",
    what: leaf.requested_model === target ? target : `${leaf.requested_model} → ${target}`,
    outcome: leaf.decision,
    basis: [...needed(leaf.sign_offs), ...policiesOf(leaf)].join("; "),
    who: leaf.user ?? "",
  };
}

function actionDecided(leaf: LeafOf<"action.decided">): Told {
  return {
    kind: "tool call decided",
    what: `${leaf.tool} (${leaf.effect})`,
    outcome: leaf.decision,
    basis: [...basisOf(leaf), ...needed(leaf.sign_offs), ...policiesOf(leaf)].join("; "),
    who: leaf.user ?? "",
  };
}

/** What lets a write happen. */
function basisOf(leaf: LeafOf<"action.decided">): readonly string[] {
  if (leaf.decision !== "permit") return [];
  if (leaf.approval !== null) return [`signed off: ${leaf.approval}`];
  if (leaf.effect === "read") return [];
  return [leaf.unattended ? "unattended in the catalog" : "no basis"];
}

function needed(signOffs: readonly string[]): readonly string[] {
  return signOffs.length === 0 ? [] : [`needs ${signOffs.join(", ")}`];
}

function policiesOf({ policies }: LeafOf<"call.decided" | "action.decided">): readonly string[] {
  const more = policies.more === 0 ? [] : [`${policies.more} more`];
  return [`policies: ${[...policies.ids, ...more].join(", ") || "none permits"}`];
}

function approvalTold(leaf: Extract<Leaf, { readonly type: `approval.${string}` }>): Told | null {
  switch (leaf.type) {
    case "approval.requested":
      return {
        kind: "sign-off asked for",
        what: leaf.tool ?? leaf.target ?? "",
        outcome: "",
        basis: `${requiredText(leaf.required)}; until ${leaf.expires}`,
        who: leaf.user ?? "",
      };
    case "approval.voted":
      return {
        kind: "vote",
        what: `revision ${leaf.revision}`,
        outcome: leaf.decision,
        basis: `for ${leaf.sign_offs.join(", ")}; signed in by ${leaf.method}; then ${leaf.state}`,
      };
    case "approval.vote_refused":
      return { kind: "vote refused", what: leaf.decision, outcome: "refused", basis: leaf.refused };
    case "approval.edited":
      return {
        kind: "bytes edited",
        what: `revision ${leaf.revision} in place of ${leaf.previous.revision}`,
        outcome: "",
        basis: requiredText(leaf.required),
      };
    case "approval.closed":
      return { kind: "approval ended", what: `revision ${leaf.revision}`, outcome: leaf.state, basis: "" };
    case "approval.released":
      return {
        kind: "released",
        what: `to ${leaf.released_to}`,
        outcome: leaf.delivery === 1 ? "first time" : `delivery ${leaf.delivery}`,
        basis: leaf.given.map(({ name, quorum, votes }) => `${name}: ${votes} of ${quorum}`).join(", "),
      };
    case "approval.viewed":
      return null;
  }
}

function requiredText(required: LeafOf<"approval.requested">["required"]): string {
  return required.map(({ name, quorum }) => (quorum === 1 ? name : `${quorum} × ${name}`)).join(", ");
}

/** The parts that name what was changed, and how. */
const named = [
  "key",
  "successor",
  "secret",
  "version",
  "operator",
  "revision",
  "previous",
  "digest",
  "expires",
];

function administered(leaf: Leaf): string {
  return stated(leaf, named);
}

function logDetail(leaf: Leaf): string {
  return stated(leaf, [
    "origin",
    "epoch",
    "version",
    "left",
    "completed",
    "previous",
    "entries",
    "oldest",
    "newest",
  ]);
}

function stated(leaf: Leaf, members: readonly string[]): string {
  return Object.entries(leaf)
    .filter(([name, value]) => members.includes(name) && value !== null)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(", ");
}
