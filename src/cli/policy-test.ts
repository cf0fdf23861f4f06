// `policy test`: the tests beside the policies, run on the gateway's own path.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import type { LoadedConfig } from "../config/load.ts";
import { OperatorError } from "../core/operator-error.ts";
import { type LoadedPolicies, loadPolicyFiles } from "../policy/load.ts";
import { policyPlace } from "../policy/policy-place.ts";
import { readPolicyFolder } from "../policy/policy-source.ts";
import { formatProblem } from "../policy/problem.ts";
import { junitXml } from "../policy/testing/junit.ts";
import { TestBench } from "../policy/testing/test-bench.ts";
import { differences } from "../policy/testing/verdict-text.ts";
import { runPolicyTest } from "../wiring/policy-tests.ts";
import { policyWorld } from "../wiring/policy-world.ts";
import { type ConfigOptions, configPath, withConfig } from "./config-command.ts";
import { Finding } from "./finding.ts";
import { print } from "./gateway-command.ts";
import { type PlacedTest, readPolicyTests } from "./policy-test-files.ts";
import {
  type CoveredPolicy,
  caseOf,
  type RunTest,
  reportJson,
  reportText,
  type TestReport,
} from "./policy-test-report.ts";
import { readConfig } from "./serve.ts";
import { shownPath } from "./shown-path.ts";

interface TestOptions extends ConfigOptions {
  readonly junit?: string;
  readonly coverageMinimum?: number;
}

export function policyTestCommand(): Command {
  return withConfig(
    new Command("test").description("run the tests beside the policies (`*.test.yaml`)"),
    "portcullis policy test --junit policy-tests.xml",
  )
    .option("--junit <file>", "write the results as JUnit XML, too")
    .option("--coverage-minimum <percent>", "fail when fewer policies determine an outcome", percent)
    .action(test);
}

async function test(options: TestOptions): Promise<void> {
  const config = await readConfig(configPath(options));
  const { loaded, placeOf } = await loadForTests(config);
  const tests = await readPolicyTests(config, loaded);
  const bench = new TestBench(loaded);
  const run = tests.map((one) => runTest(bench, config, one));
  const covered = bench.coverage().map((one): CoveredPolicy => ({ ...one, place: placeOf(one.id) }));
  const report: TestReport = { folder: config.policiesFolder, run, covered, placeOf };
  if (options.junit !== undefined) await writeJunit(options.junit, run);
  print(options, reportJson(report), () => reportText(report));
  if (run.some(({ differences: found }) => found.length > 0)) throw new Finding("");
  const { coverageMinimum: minimum } = options;
  const determined = covered.filter((one) => one.determined).length;
  if (minimum !== undefined && determined * 100 < minimum * covered.length) {
    throw new Finding(
      `${determined} of ${covered.length} policies determined an outcome, less than ${minimum} %`,
    );
  }
}

function runTest(bench: TestBench, { config }: LoadedConfig, placed: PlacedTest): RunTest {
  const began = performance.now();
  const got = runPolicyTest(bench, config, placed.test);
  const milliseconds = performance.now() - began;
  return { ...placed, got, differences: differences(placed.test.expect, got), milliseconds };
}

interface PoliciesToTest {
  readonly loaded: LoadedPolicies;
  /** `FILE:LINE`; null for a policy of the gateway's own. */
  readonly placeOf: (id: string) => string | null;
}

async function loadForTests({ config, policiesFolder }: LoadedConfig): Promise<PoliciesToTest> {
  const files = await readPolicyFolder(policiesFolder);
  const loaded = files.ok ? loadPolicyFiles(files.value, policyWorld(config)) : files;
  if (!files.ok || !loaded.ok) {
    const problems = loaded.ok ? "" : loaded.failure.map(formatProblem).join("\n");
    throw new OperatorError(`the policies in \`${policiesFolder}\` cannot be tested:\n${problems}`);
  }
  const places = new Map<string, string>();
  for (const policy of loaded.value.policies) {
    const place = policyPlace(policy, files.value);
    if (place === null) continue;
    places.set(policy.id, `${shownPath(join(policiesFolder, place.file))}:${place.line}`);
  }
  return { loaded: loaded.value, placeOf: (id) => places.get(id) ?? null };
}

async function writeJunit(file: string, run: readonly RunTest[]): Promise<void> {
  try {
    await writeFile(file, junitXml(run.map(caseOf)));
  } catch (fault) {
    const code = fault instanceof Error && "code" in fault ? String(fault.code) : "unknown";
    throw new OperatorError(`\`${file}\` cannot be written (${code}); name a file in a folder that is there`);
  }
}

function percent(text: string): number {
  const value = Number(text);
  if (/^[0-9]{1,3}$/.test(text) && value <= 100) return value;
  throw new InvalidArgumentError("it takes a whole number from 0 to 100");
}
