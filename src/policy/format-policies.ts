// Policies in one layout: Cedar's own formatter for each policy, and what stands between policies left where it is. Nothing
// is handed out that says something else than before, or has lost a comment.

import { isDeepStrictEqual } from "node:util";
import { formatPolicies, policyToJson } from "@cedar-policy/cedar-wasm/nodejs";
import { fail, ok, type Result } from "../core/result.ts";
import { boundsProblems } from "./bounds.ts";
import { parsePolicyFile } from "./load.ts";
import type { PolicyFile } from "./policy-source.ts";
import { type PolicyProblem, problemAt } from "./problem.ts";
import { commentsIn, type PolicySource, splitPolicies } from "./split-policies.ts";

/** Longer lines are broken. */
const lineWidth = 100;
const indentWidth = 2;
/** Cedar's formatter needs more than one go where comments stand in odd places. */
const maxRounds = 6;

type Formatted = Result<string, readonly PolicyProblem[]>;

/** The file's text, formatted; formatting it again changes nothing. A failure says why it must stay as it is. */
export function formatPolicyFile(file: PolicyFile): Formatted {
  const parsed = parsePolicyFile(file);
  if (!parsed.ok) return parsed;
  const sources = splitPolicies(file.text);
  const formatted: string[] = [];
  for (const source of sources) {
    const policy = formatPolicy(file, source);
    if (!policy.ok) return policy;
    formatted.push(policy.value);
  }
  const text = joined(file.text, sources, formatted);
  return isSame(file.text, text) && joinedAgain(text, formatted) === text
    ? ok(text)
    : refused(file, null, "formatting the file would change what it says");
}

function formatPolicy(file: PolicyFile, source: PolicySource): Formatted {
  let text = source.text;
  for (let round = 0; round < maxRounds; round += 1) {
    const answer = formatPolicies({ policyText: text, lineWidth, indentWidth });
    if (answer.type === "failure") {
      return refused(
        file,
        source,
        `Cedar cannot format this policy: ${answer.errors[0]?.message ?? "unknown"}`,
      );
    }
    const next = answer.formatted_policy.trim();
    if (!isSame(source.text, next) || boundsProblems(file.name, next).length > 0) {
      return refused(file, source, "Cedar's formatter would change this policy or lose a comment of it");
    }
    if (next === text) return ok(text);
    text = next;
  }
  return refused(file, source, "Cedar's formatter comes to no end with this policy");
}

function refused(file: PolicyFile, source: PolicySource | null, message: string): Formatted {
  const help = "format it by hand; comments between policies, or at the ends of lines, are what can be kept";
  return fail([problemAt(file.name, file.text, source?.start ?? null, message, help)]);
}

/** Whether both have the same policies, annotations included, in the same order, and the same comments. */
function isSame(before: string, after: string): boolean {
  const policies = [before, after].map((text) =>
    splitPolicies(text).map((source) => policyToJson(source.text)),
  );
  const [one = [], other = []] = policies;
  if (![...one, ...other].every(({ type }) => type === "success")) return false;
  return isDeepStrictEqual(one, other) && isDeepStrictEqual(sortedComments(before), sortedComments(after));
}

function sortedComments(text: string): readonly string[] {
  return commentsIn(text)
    .map((comment) => comment.trimEnd())
    .sort();
}

/** The file with these texts in place of its policies. */
function joined(text: string, sources: readonly PolicySource[], policies: readonly string[]): string {
  const bytes = Buffer.from(text, "utf8");
  let from = 0;
  let result = "";
  for (const [index, { text: policy, start }] of sources.entries()) {
    result +=
      between(bytes.subarray(from, start).toString("utf8"), index > 0, true) + (policies[index] ?? "");
    from = start + Buffer.byteLength(policy);
  }
  result += between(bytes.subarray(from).toString("utf8"), sources.length > 0, false);
  return result === "" ? "" : `${result}\n`;
}

function joinedAgain(text: string, policies: readonly string[]): string {
  return joined(text, splitPolicies(text), policies);
}

/**
 * Comments and blank lines that stand between policies: a comment behind a policy stays on its line, others keep their
 * order, and blank lines become one. Policies that touch get one between them.
 */
function between(gap: string, afterPolicy: boolean, beforePolicy: boolean): string {
  const lines = gap.split(/\r\n|\n|\r/).map((line) => line.trim());
  const behind = afterPolicy ? (lines.shift() ?? "") : "";
  const tail = behind === "" ? "" : ` ${behind}`;
  const block = lines
    .join("\n")
    .replace(/^\n+|\n+$/g, "")
    .replace(/\n{3,}/g, "\n\n");
  if (block === "") return afterPolicy && beforePolicy ? `${tail}\n\n` : tail;
  const lead = afterPolicy ? (lines[0] === "" ? "\n\n" : "\n") : "";
  // The last line is the one that the policy begins on.
  const end = beforePolicy ? (lines.at(-2) === "" ? "\n\n" : "\n") : "";
  return `${tail}${lead}${block}${end}`;
}
