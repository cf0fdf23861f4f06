// What `policy test` tells people and programs: each test, what failed and by which policies, and which policies no test
// has shown at work.

import { printable, styled } from "portcullis-verify/report/terminal-text.ts";
import type { DeterminingPolicy } from "../core/refusal.ts";
import type { Verdict } from "../policy/decision.ts";
import type { TestCase } from "../policy/testing/junit.ts";
import type { PolicyCoverage } from "../policy/testing/test-bench.ts";
import type { Difference, TestedDecision } from "../policy/testing/verdict-text.ts";
import type { PlacedTest } from "./policy-test-files.ts";

export interface RunTest extends PlacedTest {
  readonly got: TestedDecision;
  /** None when it passed. */
  readonly differences: readonly Difference[];
  readonly milliseconds: number;
}

export interface CoveredPolicy extends PolicyCoverage {
  /** `FILE:LINE`. */
  readonly place: string | null;
}

export interface TestReport {
  readonly folder: string;
  readonly run: readonly RunTest[];
  readonly covered: readonly CoveredPolicy[];
  /** `FILE:LINE` of a policy; null for one of the gateway's own. */
  readonly placeOf: (id: string) => string | null;
}

export function reportText({ run, covered, placeOf }: TestReport): string {
  const files = [...new Set(run.map(({ file }) => file))];
  const failed = run.filter(({ differences }) => differences.length > 0).length;
  const determined = covered.filter((one) => one.determined).length;
  return [
    ...files.flatMap((file) => [
      styled("bold", printable(file)),
      ...run.filter((one) => one.file === file).flatMap((one) => testLines(one, placeOf)),
    ]),
    ...covered.filter((one) => !one.determined).map(coverageLine),
    styled(
      failed === 0 ? "green" : "red",
      `${run.length} ${run.length === 1 ? "test" : "tests"}: ${run.length - failed} passed, ${failed} failed`,
    ),
    `${determined} of ${covered.length} policies determined an outcome`,
  ].join("\n");
}

function testLines(one: RunTest, placeOf: TestReport["placeOf"]): readonly string[] {
  const name = printable(one.test.name);
  if (one.differences.length === 0) return [`  ${styled("green", "ok")}    ${name}`];
  return [
    `  ${styled("red", "FAIL")}  ${name}  (${printable(placeText(one))})`,
    ...failureLines(one, placeOf).map((line) => `          ${line}`),
  ];
}

function failureLines({ differences, got }: RunTest, placeOf: TestReport["placeOf"]): readonly string[] {
  const { shadow } = got;
  return [
    ...differences.flatMap(({ expected, got: had }) => [
      `expected  ${printable(expected)}`,
      `got       ${printable(had)}`,
    ]),
    ...(got.error === null ? [] : [`error     ${printable(got.error)}`]),
    ...(got.undescribed === undefined ? [] : [`because   ${printable(got.undescribed)}`]),
    ...got.policies.map((policy) => policyLine("policy    ", policy, placeOf)),
    ...(shadow === null || differences.every(({ expected }) => !expected.startsWith("shadow"))
      ? []
      : shadow.policies.map((policy) => policyLine("shadow    ", policy, placeOf))),
  ];
}

function policyLine(
  title: string,
  { id, reason }: DeterminingPolicy,
  placeOf: TestReport["placeOf"],
): string {
  return `${title}${printable(id)}  (${printable(placeOf(id) ?? "built in")})  ${printable(reason)}`;
}

function coverageLine({ id, satisfied, place }: CoveredPolicy): string {
  const shown = `\`${printable(id)}\`${place === null ? "" : ` (${printable(place)})`}`;
  return satisfied
    ? `${styled("yellow", "not shown")}  ${shown} held in a test and determined no outcome`
    : `${styled("yellow", "not shown")}  ${shown} held in no test`;
}

/** For programs. */
export function reportJson({ folder, run, covered }: TestReport): object {
  return {
    folder,
    ok: run.every(({ differences }) => differences.length === 0),
    tests: run.map(({ test, file, line, got, differences }) => ({
      file,
      line,
      name: test.name,
      ok: differences.length === 0,
      differences,
      got: {
        ...verdictJson(got),
        undescribed: got.undescribed ?? null,
        shadow: got.shadow === null ? null : verdictJson(got.shadow),
      },
    })),
    coverage: covered,
  };
}

function verdictJson({ outcome, signOffs, policies, error }: Verdict): object {
  return { decision: outcome, sign_offs: signOffs, policies, error };
}

/** For the JUnit file. */
export function caseOf(one: RunTest): TestCase {
  const { test, file, line, milliseconds, differences } = one;
  const failure =
    differences.length === 0
      ? null
      : [
          ...differences.map(({ expected, got }) => `expected ${expected}, got ${got}`),
          `at ${placeText(one)}`,
        ].join("\n");
  return { file, line, name: test.name, milliseconds, failure };
}

function placeText({ file, line }: PlacedTest): string {
  return line === null ? file : `${file}:${line}`;
}
