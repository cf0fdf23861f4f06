// From the folder to policies that may be put in force. All of it is accepted or none: one problem anywhere, a
// warning included, and nothing is loaded.

import { type DetailedError, policySetTextToParts, validate } from "@cedar-policy/cedar-wasm/nodejs";
import { fail, ok, type Result } from "../core/result.ts";
import { argumentReads } from "./argument-reads.ts";
import { boundsProblems } from "./bounds.ts";
import { counterUses } from "./counter-uses.ts";
import type { Finding } from "./finding.ts";
import { floorFile, floorPolicies } from "./floor.ts";
import { lint } from "./lint.ts";
import { type ParsedPolicy, parsePolicy } from "./parsed-policy.ts";
import { type PolicyFile, readPolicyFolder } from "./policy-source.ts";
import { type PolicyProblem, problemAt } from "./problem.ts";
import { type Revision, revisionOf } from "./revision.ts";
import { cedarSchema } from "./schema.ts";
import { type PolicySource, splitPolicies } from "./split-policies.ts";
import { type PolicyWorld, worldProblems } from "./world.ts";

export interface LoadedPolicies {
  readonly world: PolicyWorld;
  /** For evaluating, and in the revision: with no other counters and arguments than these policies read. */
  readonly schema: string;
  /** The floor first, then the folder's, file by file. Ids are unique. */
  readonly policies: readonly ParsedPolicy[];
  /** How many of them are the floor's. */
  readonly builtIn: number;
  readonly revision: Revision;
}

export type LoadResult = Result<LoadedPolicies, readonly PolicyProblem[]>;

export async function loadPolicies(folder: string, world: PolicyWorld): Promise<LoadResult> {
  const files = await readPolicyFolder(folder);
  return files.ok ? loadPolicyFiles(files.value, world) : files;
}

/** The problems of all files at once, in the order of the files. */
export function loadPolicyFiles(files: readonly PolicyFile[], world: PolicyWorld): LoadResult {
  const unfit = worldProblems(world);
  if (unfit.length > 0) return fail(unfit);
  const schema = cedarSchema(world);
  const floor = { name: floorFile, text: floorPolicies };
  const policies = parsePolicyFile(floor);
  if (!policies.ok) return policies;
  const loaded: ParsedPolicy[] = [...policies.value];
  const problems: PolicyProblem[] = [...invalid(policies.value, schema, floor)];
  for (const file of files) {
    const parsed = parsePolicyFile(file);
    if (!parsed.ok) {
      problems.push(...parsed.failure);
      continue;
    }
    const found = [
      ...invalid(parsed.value, schema, file),
      ...parsed.value.flatMap((one) => linted(one, world, file)),
    ];
    problems.push(...found.sort((one, other) => (one.line ?? 0) - (other.line ?? 0)));
    loaded.push(...parsed.value);
  }
  problems.push(...duplicates(loaded, files));
  if (problems.length > 0) return fail(problems);
  const evaluated = cedarSchema(world, counterUses(loaded), argumentReads(loaded));
  return ok({
    world,
    schema: evaluated,
    policies: loaded,
    builtIn: policies.value.length,
    revision: revisionOf(files, evaluated, world),
  });
}

/** The file's policies as Cedar reads them; neither validated nor linted. */
export function parsePolicyFile({
  name,
  text,
}: PolicyFile): Result<readonly ParsedPolicy[], readonly PolicyProblem[]> {
  const unfit = [...directionProblems(name, text), ...boundsProblems(name, text)];
  if (unfit.length > 0) return fail(unfit);
  const parts = policySetTextToParts(text);
  if (parts.type === "failure") return fail(parts.errors.map((error) => cedarProblem(name, text, 0, error)));
  const sources = splitPolicies(text);
  const expected = [...parts.policies, ...parts.policy_templates].sort();
  const pieces = sources.map((source) => source.text).sort();
  if (expected.length !== pieces.length || expected.some((piece, index) => piece !== pieces[index])) {
    return fail([
      problemAt(
        name,
        text,
        null,
        "the file cannot be cut into its policies",
        "simplify its strings and comments",
      ),
    ]);
  }
  const templates = sources.filter((source) => parts.policy_templates.includes(source.text));
  if (templates.length > 0) return fail(templates.map((template) => templateProblem(name, text, template)));
  const policies: ParsedPolicy[] = [];
  for (const source of sources) {
    const policy = parsePolicy(name, source);
    if (!policy.ok) return fail([problemAt(name, text, source.start, policy.failure)]);
    policies.push(policy.value);
  }
  return ok(policies);
}

const directionControl = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

function directionProblems(name: string, text: string): readonly PolicyProblem[] {
  const index = text.search(directionControl);
  if (index < 0) return [];
  const message = "a control character that changes the direction of text, and so what a reader sees";
  return [problemAt(name, text, Buffer.byteLength(text.slice(0, index)), message, "take it out")];
}

function templateProblem(name: string, text: string, template: PolicySource): PolicyProblem {
  const slot = Math.max(0, template.code.search(/\?(?:principal|resource)/));
  const offset = template.start + Buffer.byteLength(template.text.slice(0, slot));
  return problemAt(
    name,
    text,
    offset,
    "this is a template, and templates are not used",
    "write the entity itself",
  );
}

function invalid(
  policies: readonly ParsedPolicy[],
  schema: string,
  file: PolicyFile,
): readonly PolicyProblem[] {
  // Keyed by position: the ids are not known to be unique here.
  const staticPolicies = Object.fromEntries(
    policies.map((policy, index) => [String(index), policy.source.text]),
  );
  const answer = validate({ schema, policies: { staticPolicies }, validationSettings: { mode: "strict" } });
  if (answer.type === "failure") {
    return answer.errors.map((error) => problemAt(file.name, "", null, error.message, error.help));
  }
  const problems = new Map<string, PolicyProblem>();
  const found = [...answer.validationErrors, ...answer.validationWarnings];
  // Cedar's order changes from run to run.
  found.sort((one, other) => (one.error.message < other.error.message ? -1 : 1));
  for (const { policyId, error } of found) {
    const start = policies[Number(policyId)]?.source.start ?? 0;
    const problem = cedarProblem(file.name, file.text, start, withoutKey(error, policyId));
    // The same place is found wrong once for every action that the policy covers; one message is enough.
    const place = `${problem.line}:${problem.column}`;
    if (!problems.has(place)) problems.set(place, problem);
  }
  const others = answer.otherWarnings.map((error) =>
    problemAt(file.name, "", null, error.message, error.help),
  );
  return [...problems.values(), ...others];
}

function withoutKey(error: DetailedError, key: string): DetailedError {
  const prefix = `for policy \`${key}\`, `;
  return {
    ...error,
    message: error.message.replaceAll(prefix, ""),
    help: error.help?.replaceAll(prefix, "") ?? null,
  };
}

function cedarProblem(name: string, text: string, start: number, error: DetailedError): PolicyProblem {
  const [place] = error.sourceLocations ?? [];
  const help = error.help ?? place?.label ?? null;
  return problemAt(name, text, start + (place?.start ?? 0), error.message, help);
}

function linted(policy: ParsedPolicy, world: PolicyWorld, file: PolicyFile): readonly PolicyProblem[] {
  return lint(policy, world).map((finding) =>
    problemAt(file.name, file.text, offsetOf(policy.source, finding), finding.message, finding.help),
  );
}

function offsetOf({ code, text, start }: PolicySource, { near }: Finding): number {
  const inCode = near === "" ? 0 : code.indexOf(near);
  const index = inCode >= 0 ? inCode : Math.max(0, text.indexOf(near));
  return start + Buffer.byteLength(text.slice(0, index));
}

function duplicates(
  policies: readonly ParsedPolicy[],
  files: readonly PolicyFile[],
): readonly PolicyProblem[] {
  const first = new Map<string, ParsedPolicy>();
  return policies.flatMap((policy) => {
    const { id, file, source } = policy;
    const earlier = first.get(id);
    first.set(id, earlier ?? policy);
    if (earlier === undefined || id === "") return [];
    const text = files.find(({ name }) => name === file)?.text ?? "";
    const message = `the id \`${id}\` stands in \`${earlier.file}\` already`;
    return [problemAt(file, text, source.start, message, "ids are unique in the whole folder")];
  });
}
