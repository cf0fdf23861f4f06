// Reading the tests of a policy folder: strict YAML, with every problem at its line. One problem anywhere, and no test runs.

import { join } from "node:path";
import { printable } from "portcullis-verify/report/terminal-text.ts";
import type { LoadedConfig } from "../config/load.ts";
import { parseShape } from "../config/parse-shape.ts";
import { readYaml } from "../config/yaml-document.ts";
import { OperatorError } from "../core/operator-error.ts";
import type { LoadedPolicies } from "../policy/load.ts";
import { findTestFiles, readTestFile } from "../policy/testing/test-files.ts";
import { testFindings } from "../policy/testing/test-names.ts";
import { type PolicyTest, testFileSchema } from "../policy/testing/test-schema.ts";
import { shownPath } from "./shown-path.ts";

export interface PlacedTest {
  readonly test: PolicyTest;
  /** As somebody in the current folder would name it. */
  readonly file: string;
  readonly line: number | null;
}

/** More tell no more. */
const maxProblems = 50;

/** Throws `OperatorError` with all that is wrong with any of them. */
export async function readPolicyTests(
  { config, policiesFolder }: LoadedConfig,
  { world, policies }: LoadedPolicies,
): Promise<readonly PlacedTest[]> {
  const found = await findTestFiles(policiesFolder);
  if (!found.ok) throw new OperatorError(found.failure);
  const pinned = new Set(
    Object.entries(config.tools)
      .filter(([, { digest, parameters }]) => digest !== undefined || parameters !== undefined)
      .map(([name]) => name),
  );
  const problems: string[] = [];
  const tests: PlacedTest[] = [];
  for (const name of found.value) {
    const path = join(policiesFolder, name);
    const file = shownPath(path);
    const read = await readTestFile(path);
    const parsed = read.ok ? parseTests(read.value, { world, policies, pinned }) : null;
    if (!read.ok) problems.push(`${file}: ${read.failure}`);
    problems.push(
      ...(parsed?.problems ?? []).map(
        ({ line, text }) => `${file}${line === null ? "" : `:${line}`}: ${text}`,
      ),
    );
    tests.push(...(parsed?.tests ?? []).map((one) => ({ ...one, file })));
  }
  if (problems.length === 0) return tests;
  const more = problems.length - maxProblems;
  throw new OperatorError(
    [
      "the tests cannot be run:",
      ...problems.slice(0, maxProblems),
      ...(more > 0 ? [`${more} more problems; mend these first`] : []),
    ].join("\n"),
  );
}

interface ParsedTests {
  readonly tests: readonly Omit<PlacedTest, "file">[];
  readonly problems: readonly { readonly line: number | null; readonly text: string }[];
}

function parseTests(text: string, known: Parameters<typeof testFindings>[1]): ParsedTests {
  const yaml = readYaml(text);
  if (!yaml.ok) {
    return {
      tests: [],
      problems: yaml.failure.map(({ line, path, message }) => problem(line, path, message)),
    };
  }
  const { value } = yaml.value;
  const lineOf = (path: readonly PropertyKey[]): number | null => yaml.value.lineOf(path);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { tests: [], problems: [problem(1, [], "write `tests:` and the list of the tests under it")] };
  }
  const parsed = parseShape(testFileSchema, value);
  const findings = parsed.ok ? testFindings(parsed.value.tests, known) : parsed.failure;
  const problems = findings
    .map(({ path, message }) => problem(lineOf(path), path, message))
    .toSorted((one, other) => (one.line ?? 0) - (other.line ?? 0));
  const tests = parsed.ok ? parsed.value.tests : [];
  return { tests: tests.map((test, index) => ({ test, line: lineOf(["tests", index]) })), problems };
}

function problem(
  line: number | null,
  path: readonly PropertyKey[],
  message: string,
): ParsedTests["problems"][number] {
  const shown = path.map((step) => printable(String(step))).join(".");
  return { line, text: shown === "" ? message : `\`${shown}\`: ${message}` };
}
