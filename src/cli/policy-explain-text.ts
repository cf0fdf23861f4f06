// An explanation for people and for programs.

import { printable, styled } from "portcullis-verify/report/terminal-text.ts";
import type { ExplainedPart } from "../policy/explain/explain-policy.ts";
import type { AnsweringPolicy, ExplainedAnswer } from "../policy/explain/explain-request.ts";
import type { DecisionExplanation } from "../wiring/explain-decision.ts";
import type { DecidedLeaf } from "../wiring/replay-decision.ts";
import { styledDecision } from "./table.ts";

type Explained = DecisionExplanation & { readonly index: number };

export function explanationText({ index, leaf, replay, detail, answers, unknown }: Explained): string {
  const about = leaf.type === "call.decided" ? (leaf.target ?? leaf.requested_model) : leaf.tool;
  return [
    styled("bold", printable(`entry ${index}  ${leaf.type}  ${leaf.application}  ${about}`)),
    `  decision  ${verdictText(leaf)}`,
    ...leaf.reasons.map((reason) => `  reason    ${printable(reason)}`),
    ...(leaf.shadow === undefined ? [] : [`  shadow    would be ${verdictText({ ...leaf.shadow })}`]),
    `  revision  ${leaf.revision}`,
    `  again     ${replayText(replay, detail)}`,
    ...unknown.map(({ fact, why }) => `  unknown   ${printable(`context.${fact}: ${why}`)}`),
    ...answers.flatMap(answerLines),
  ].join("\n");
}

type Ruling = Pick<DecidedLeaf, "decision" | "policies" | "sign_offs"> & { readonly error?: boolean };

function verdictText({ decision, policies, sign_offs, error }: Ruling): string {
  const needed = sign_offs.length === 0 ? "" : ` until signed off by ${sign_offs.join(", ")}`;
  const more = policies.more === 0 ? "" : ` and ${policies.more} more`;
  const by = policies.ids.length === 0 ? "no policy" : `${policies.ids.join(", ")}${more}`;
  return `${styledDecision(decision)}${printable(needed)} by ${printable(by)}${error === true ? " (evaluating it failed)" : ""}`;
}

function replayText(replay: Explained["replay"], detail: string | null): string {
  const told = printable(detail ?? "");
  switch (replay) {
    case "same":
      return `${styled("green", "evaluated by the revision on record, it gives the same")}${told === "" ? "" : `; ${told}`}`;
    case "differs":
      return styled("red", `it does NOT give what is on record: ${told}`);
    case "not_possible":
      return styled("yellow", told);
  }
}

function answerLines({ asked, outcome, error, approvals, policies }: ExplainedAnswer): readonly string[] {
  const signedOff = outcome === "deny" ? "even with every sign-off" : "with what was signed off";
  const given = approvals.length === 0 ? "" : `, ${signedOff} (${approvals.join(", ")})`;
  return [
    "",
    `  ${styled("bold", printable(asked))}${outcome === null ? "" : `: ${styledDecision(outcome)}${printable(given)}`}`,
    ...(error === null ? [] : [`    ${printable(error)}`]),
    ...(outcome === "deny" && error === null && !policies.some(({ determines }) => determines)
      ? ["    no policy permits it"]
      : []),
    ...policies.flatMap(policyLines),
  ];
}

function policyLines(policy: AnsweringPolicy): readonly string[] {
  const { id, effect, place, shadow, clauses, scopeHolds, reason } = policy;
  const where = place === null ? "built in" : `${place.file}:${place.line}`;
  return [
    `    ${effect} ${styled("bold", printable(id))} (${printable(where)})${shadow ? ", in shadow mode" : ""}: ${appliesText(policy)}`,
    ...(reason === null ? [] : [`      reason: ${printable(reason)}`]),
    ...(scopeHolds === false ? ["      its scope does not match"] : []),
    ...clauses.flatMap((clause) => partLines(clause, `${clause.kind} `, 6)),
    ...flipLines(policy).map((line) => `      ${line}`),
  ];
}

function appliesText({ applies, determines }: AnsweringPolicy): string {
  if (applies === null) return "it is not known whether it applies";
  return applies ? (determines ? "applies, and determines the outcome" : "applies") : "does not apply";
}

function partLines(part: ExplainedPart, title: string, indent: number): readonly string[] {
  const pad = " ".repeat(indent);
  const values = part.values.map(
    ({ name, value, unknown }) => `${name} ${value === null ? `is unknown: ${unknown}` : `= ${value}`}`,
  );
  const shown = values.length === 0 ? "" : `   (${printable(values.join(", "))})`;
  const joined = part.joined === null ? "" : ` (${part.joined} of)`;
  return [
    `${pad}${title}${holdsMark(part)} ${printable(part.joined === null ? part.text : "")}${joined}${shown}`.replace(
      / {2}\(/,
      " (",
    ),
    ...part.parts.flatMap((one) => partLines(one, "", indent + 4)),
  ];
}

function holdsMark(part: ExplainedPart): string {
  if (part.holds === null) return styled("yellow", readsUnknown(part) ? "unknown" : "not reached");
  return part.holds ? styled("green", "true ") : styled("red", "false");
}

function readsUnknown({ values, parts }: ExplainedPart): boolean {
  return values.some(({ unknown }) => unknown !== null) || parts.some(readsUnknown);
}

function flipLines({ flip, without, determines, shadow }: AnsweringPolicy): readonly string[] {
  if (flip === null && without === null) return [];
  const change = flip === null || (determines && without === null && !shadow) ? [] : [flip];
  return [...change, ...(without === null ? [] : [`without it, the outcome would be ${without}`])];
}

/** For programs: what is on record and what was found. */
export function explanationJson({ index, leaf, replay, detail, answers, unknown }: Explained): object {
  const { id, type, call, decision, policies, sign_offs, reasons, revision, shadow } = leaf;
  return {
    index,
    id,
    type,
    call,
    recorded: { decision, policies, sign_offs, reasons, revision, shadow: shadow ?? null },
    replay,
    detail,
    unknown,
    answers,
  };
}
