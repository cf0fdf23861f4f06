// A report of a period for people: Markdown, which anybody can read and sign.

import { findingText } from "../rules/finding.ts";
import { notCheckedText } from "../rules/not-checked.ts";
import type { VerifyReport } from "../rules/verify-log.ts";
import type { DecisionCounts, Evidence } from "./evidence.ts";
import { type EvidenceKind, type EvidenceRow, evidenceKinds } from "./evidence-row.ts";

export interface ReportedLog {
  readonly evidence: Evidence;
  /** Of the whole log, whatever the period. */
  readonly verified: VerifyReport;
  /** The newest signed checkpoint, or null. */
  readonly checkpoint: string | null;
  /** RFC 3339. */
  readonly madeAt: string;
}

export function evidenceMarkdown({ evidence, verified, checkpoint, madeAt }: ReportedLog): string {
  const { period, entries } = evidence;
  const span =
    entries === null
      ? "no entry is of this period"
      : `${entries.count} entries, from ${entries.first} to ${entries.last}`;
  const lines = [
    `# Evidence from the log ${plain(verified.origin)}`,
    "",
    `From ${instant(period.from)} to ${instant(period.to)}: ${span}. Made ${madeAt}.`,
    "",
    ...verification(verified),
    ...decisions(evidence),
    ...evidenceKinds.flatMap((kind) => listing(kind, evidence)),
    ...(checkpoint === null ? [] : ["## The signed head", "", "```", checkpoint.trimEnd(), "```", ""]),
  ];
  return lines.join("\n");
}

function verification({
  ok,
  log,
  governance,
  replay,
  findings,
  moreFindings,
  notChecked,
}: VerifyReport): readonly string[] {
  const replayed =
    replay === null
      ? "decisions were not evaluated again"
      : `${replay.same} of ${governance.decisions} decisions evaluated again came out as they are on record`;
  return [
    "## Verification of the whole log",
    "",
    `**${ok ? "It holds." : "It does not hold."}** ${log.entries} entries, ${log.checkpoints} signed checkpoints; ${governance.calls} calls, ${governance.open} of them open, ${governance.unknownOutcomes} with unknown outcome; ${replayed}.`,
    "",
    ...findings.map((finding) => `- FOUND: ${plain(findingText(finding))}`),
    ...(moreFindings > 0 ? [`- and ${moreFindings} findings more`] : []),
    ...notChecked.map((open) => `- not checked: ${plain(notCheckedText(open))}`),
    "",
  ];
}

function decisions({ calls, actions, writes, applications, policies }: Evidence): readonly string[] {
  const counted = (what: string, { permit, hold, deny }: Readonly<DecisionCounts>): readonly string[] => [
    what,
    String(permit),
    String(hold),
    String(deny),
  ];
  return [
    "## Decisions",
    "",
    ...table(["", "permitted", "held", "denied"], [counted("calls", calls), counted("tool calls", actions)]),
    `Writes that were permitted: ${writes.signedOff} signed off, ${writes.unattended} unattended in the catalog, ${writes.noBasis} without a basis.`,
    "",
    ...table(
      ["application", "decisions"],
      applications.map(([name, count]) => [name, String(count)]),
    ),
    ...table(
      ["policy", "decisions that it took part in"],
      policies.map(([id, count]) => [id, String(count)]),
    ),
  ];
}

const titles: Readonly<Partial<Record<EvidenceKind, string>>> = {
  "sign-off asked for": "Sign-offs asked for",
  vote: "Votes",
  "vote refused": "Votes refused",
  "bytes edited": "Edits",
  "approval ended": "Approvals that ended without release",
  released: "Releases",
  administration: "Administration",
  log: "The log itself",
  "outcome unknown": "Calls of which the outcome is unknown",
};

function listing(kind: EvidenceKind, { listed }: Evidence): readonly string[] {
  const title = titles[kind];
  if (title === undefined) return [];
  const { rows, count } = listed.get(kind) ?? { rows: [], count: 0 };
  const more = count - rows.length;
  return [
    `## ${title} (${count})`,
    "",
    ...(count === 0 ? ["None.", ""] : table(columns, rows.map(cells))),
    ...(more > 0 ? [`And ${more} more, which are in the CSV.`, ""] : []),
  ];
}

const columns = ["entry", "time", "call", "approval", "application", "who", "what", "outcome", "basis"];

function cells(row: EvidenceRow): readonly string[] {
  const { entry, time, call, approval, application, who, what, outcome, basis } = row;
  return [String(entry), time, call, approval, application, who, what, outcome, basis];
}

/** With an empty line behind it; nothing where there are no rows. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  if (rows.length === 0) return [];
  const line = (row: readonly string[]): string => `| ${row.map(plain).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line), ""];
}

/** Names of models and tools come from outside: none of them ends a cell, or is taken for markup. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").replace(/[\\`*_{}[\]<>#|~&!]/g, "\\$&");
}

function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
