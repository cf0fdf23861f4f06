// Loading a policy folder, strictly: parsed, validated against the generated schema with warnings as errors, linted. The
// whole set is accepted or none of it.

import {
  type DetailedError,
  policySetTextToParts,
  policyToJson,
  type ValidationError,
  validate,
} from "@cedar-policy/cedar-wasm/nodejs";
import { fail, ok, type Result } from "../core/result.ts";
import { floorFile, floorPolicies, reservedPrefix } from "./floor.ts";
import { lintPolicy } from "./lint.ts";
import type { ParsedPolicy } from "./parsed-policy.ts";
import { type PolicyFile, readPolicyFolder } from "./policy-source.ts";
import { type PolicyProblem, problemAt } from "./problem.ts";
import { cedarSchema } from "./schema.ts";
import type { PolicyWorld } from "./world.ts";

export interface LoadedPolicies {
  readonly files: readonly PolicyFile[];
  readonly schema: string;
  /** The floor's policies first. */
  readonly policies: readonly ParsedPolicy[];
}

export async function loadPolicies(
  folder: string,
  world: PolicyWorld,
): Promise<Result<LoadedPolicies, readonly PolicyProblem[]>> {
  const files = await readPolicyFolder(folder);
  return files.ok ? loadPolicyFiles(files.value, world) : files;
}

export function loadPolicyFiles(
  files: readonly PolicyFile[],
  world: PolicyWorld,
): Result<LoadedPolicies, readonly PolicyProblem[]> {
  const problems: PolicyProblem[] = [];
  const policies: ParsedPolicy[] = [];
  for (const file of [{ name: floorFile, text: floorPolicies }, ...files]) {
    const parsed = parseFile(file);
    if (parsed.ok) policies.push(...parsed.value);
    else problems.push(...parsed.failure);
  }
  const texts = new Map([
    [floorFile, floorPolicies],
    ...files.map((file) => [file.name, file.text] as const),
  ]);
  const report = (policy: ParsedPolicy, message: string, help: string | null, at = 0): void => {
    problems.push(problemAt(policy.file, texts.get(policy.file) ?? "", policy.offset + at, message, help));
  };
  checkIds(policies, report);
  for (const policy of policies)
    for (const message of lintPolicy(policy, world.signOffs)) report(policy, message, null);
  if (problems.length > 0) return fail(problems);
  const schema = cedarSchema(world);
  checkTypes(policies, schema, report);
  return problems.length > 0 ? fail(problems) : ok({ files, schema, policies });
}

type Report = (policy: ParsedPolicy, message: string, help: string | null, at?: number) => void;

function parseFile(file: PolicyFile): Result<readonly ParsedPolicy[], readonly PolicyProblem[]> {
  const parts = policySetTextToParts(file.text);
  if (parts.type === "failure") return fail(parts.errors.map((error) => syntaxProblem(file, error)));
  if (parts.policy_templates.length > 0) {
    return fail([
      problemAt(file.name, file.text, null, "templates (`?principal`, `?resource`) are not supported"),
    ]);
  }
  const policies: ParsedPolicy[] = [];
  const problems: PolicyProblem[] = [];
  let from = 0;
  for (const text of parts.policies) {
    // Parts come in the order of the text, and word for word.
    const at = file.text.indexOf(text, from);
    if (at >= 0) from = at + text.length;
    const offset = Buffer.byteLength(file.text.slice(0, Math.max(0, at)));
    const json = policyToJson(text);
    const id = json.type === "success" ? json.json.annotations?.["id"] : undefined;
    if (json.type === "failure") problems.push(...json.errors.map((error) => syntaxProblem(file, error)));
    else if (id === undefined)
      problems.push(
        problemAt(
          file.name,
          file.text,
          offset,
          "this policy has no `@id`",
          '@id("a-name") before it names it in errors and on record',
        ),
      );
    else {
      const reason = json.json.annotations?.["reason"] ?? `the policy \`${id}\` says so`;
      policies.push({ id, reason, file: file.name, text, offset, json: json.json });
    }
  }
  return problems.length > 0 ? fail(problems) : ok(policies);
}

function syntaxProblem(file: PolicyFile, error: DetailedError): PolicyProblem {
  const [location] = error.sourceLocations ?? [];
  return problemAt(
    file.name,
    file.text,
    location?.start ?? null,
    error.message,
    error.help ?? location?.label ?? null,
  );
}

function checkIds(policies: readonly ParsedPolicy[], report: Report): void {
  const seen = new Map<string, ParsedPolicy>();
  for (const policy of policies) {
    const first = seen.get(policy.id);
    if (first !== undefined)
      report(
        policy,
        `the id \`${policy.id}\` stands in \`${first.file}\` already`,
        "ids are unique in the whole folder",
      );
    seen.set(policy.id, policy);
    if (policy.file !== floorFile && policy.id.startsWith(reservedPrefix)) {
      report(policy, `ids that begin with \`${reservedPrefix}\` are the gateway's own`, null);
    }
  }
}

function checkTypes(policies: readonly ParsedPolicy[], schema: string, report: Report): void {
  const byId = new Map(policies.map((policy) => [policy.id, policy]));
  const staticPolicies = Object.fromEntries(policies.map((policy) => [policy.id, policy.text]));
  const answer = validate({ schema, policies: { staticPolicies }, validationSettings: { mode: "strict" } });
  const [first] = policies;
  if (first === undefined) return;
  if (answer.type === "failure") {
    for (const error of answer.errors) report(first, error.message, error.help);
    return;
  }
  // Warnings are errors: a rule that can never apply is a hole in somebody's picture of the rules.
  for (const found of [...answer.validationErrors, ...answer.validationWarnings])
    reportType(byId, found, first, report);
  for (const error of answer.otherWarnings) report(first, error.message, error.help);
}

function reportType(
  byId: ReadonlyMap<string, ParsedPolicy>,
  found: ValidationError,
  first: ParsedPolicy,
  report: Report,
): void {
  const policy = byId.get(found.policyId) ?? first;
  report(policy, found.error.message, found.error.help, found.error.sourceLocations?.[0]?.start ?? 0);
}
