// `doctor`: what to run when something is off. Looks at files, at the disk and at the running gateway if there is one,
// and changes nothing.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { printable, styled } from "portcullis-verify/report/terminal-text.ts";
import { type DataUse, dataUse, type InspectedData, inspectData } from "../compose.ts";
import { formatConfigProblem, type LoadedConfig, loadConfig } from "../config/load.ts";
import { checkPolicies } from "../policy/check-policies.ts";
import { policyWorld } from "../wiring/policy-world.ts";
import { fileSystemCheck, roomCheck, syncCheck, writeAheadLogCheck } from "./doctor/disk-checks.ts";
import { type DoctorFinding, type FindingState, guarded, ok, problem, skipped } from "./doctor/finding.ts";
import { folderChecks } from "./doctor/folder-checks.ts";
import { gatewayChecks, providerChecks } from "./doctor/gateway-checks.ts";
import { clockCheck, growthOf, keyChecks, logTimes, sealCheck } from "./doctor/log-checks.ts";
import { witnessCheck } from "./doctor/witness-check.ts";
import { Finding } from "./finding.ts";
import { print, withExample } from "./gateway-command.ts";

interface Options {
  readonly config?: string;
  readonly dir?: string;
  readonly providers?: boolean;
  readonly json?: boolean;
}

export function doctorCommand(): Command {
  const command = new Command("doctor")
    .description(
      "look for what is wrong with a gateway and its folders; changes nothing. 1: something is wrong",
    )
    .option("--dir <dir>", "the gateway's folder; default: the current one")
    .option("--config <file>", "the config; default: portcullis.yaml in that folder")
    .option("--providers", "send each provider one request without a key, to see whether it is reached")
    .option("--json", "print JSON");
  return withExample(command, "portcullis doctor --dir ./gateway").action(doctor);
}

async function doctor(options: Options): Promise<void> {
  const file = options.config ?? join(options.dir ?? ".", "portcullis.yaml");
  const findings = await examine(resolve(file), options.providers === true);
  const sound = findings.every(({ state }) => state !== "problem");
  print(options, { ok: sound, findings }, () => findings.map(line).join("\n"));
  if (!sound) throw new Finding("");
}

async function examine(file: string, callsProviders: boolean): Promise<readonly DoctorFinding[]> {
  const loaded = await loadConfig(file);
  if (!loaded.ok) {
    const advice = "mend the config; `portcullis check` says the same, and nothing else could be looked at";
    return [nodeCheck(), problem("config", loaded.failure.map(formatConfigProblem).join("\n"), advice)];
  }
  return [
    nodeCheck(),
    ok("config", `\`${file}\` can be used`),
    ...(await guarded("policies", () => policyCheck(loaded.value))),
    ...(await folderChecks(loaded.value)),
    ...(await dataChecks(loaded.value)),
    ...(await guarded("providers", () => providerChecks(loaded.value, callsProviders))),
  ];
}

/** The launcher refuses an older one. */
function nodeCheck(): DoctorFinding {
  return ok("node", process.versions.node);
}

async function policyCheck({ policiesFolder, config }: LoadedConfig): Promise<readonly DoctorFinding[]> {
  const { policies, problems } = await checkPolicies(policiesFolder, policyWorld(config));
  if (policies !== null) return [ok("policies", `${policies} in \`${policiesFolder}\` can be put in force`)];
  const advice = "`portcullis policy check` shows each; a start would refuse them";
  return [problem("policies", `${problems.length} problems in \`${policiesFolder}\``, advice)];
}

async function dataChecks(loaded: LoadedConfig): Promise<readonly DoctorFinding[]> {
  const { dataFolder: folder, config } = loaded;
  if (config.database !== undefined)
    return [
      skipped("data", "it is in PostgreSQL; `portcullis audit verify --config` checks the log there"),
      ...(await guarded("gateway", () => gatewayChecks(loaded, null))),
    ];
  if (!existsSync(folder))
    return [
      skipped("data", "nothing has been started here yet"),
      ...(await guarded("gateway", () => gatewayChecks(loaded, null))),
    ];
  const found: DoctorFinding[] = [];
  const seen = await looked(found, "data folder", () => dataUse(folder));
  const use = seen?.value ?? null;
  found.push(...(await guarded("file system", () => fileSystemCheck(folder))));
  found.push(...(await guarded("sync", () => syncCheck(folder))));
  // Without a look into the folder, whether a gateway has it would be a guess.
  if (seen === null) return found;
  found.push(...(await guarded("gateway", () => gatewayChecks(loaded, use))));
  found.push(...(await guarded("write-ahead log", () => writeAheadLogCheck(use))));
  const data = use === null ? null : await looked(found, "database", () => inspectData(folder));
  try {
    found.push(...(await recordChecks(loaded, use, data?.value ?? null)));
  } finally {
    data?.value.close();
  }
  return found;
}

async function recordChecks(
  { config, dataFolder, keysFolder }: LoadedConfig,
  use: DataUse | null,
  data: InspectedData | null,
): Promise<readonly DoctorFinding[]> {
  const found: DoctorFinding[] = [];
  const now = Date.now();
  const held = use?.held === true;
  const seen = data === null ? null : await looked(found, "log", () => logTimes(data.log));
  const times = seen?.value ?? null;
  const growth = times === null ? null : growthOf(times);
  found.push(...(await guarded("disk space", () => roomCheck(dataFolder, use, growth))));
  if (data === null || times === null) return found;
  found.push(...(await guarded("clock", () => clockCheck(times, now))));
  found.push(...(await guarded("seal", () => sealCheck(data.log, times, now, held))));
  const { witnesses } = config.audit;
  found.push(...(await guarded("witnesses", () => witnessCheck(data.log, witnesses.length, held))));
  found.push(...(await guarded("keys", () => keyChecks(data, keysFolder, process.env, held))));
  return found;
}

/** What was looked up; null, with a finding that says why, when it could not be. */
async function looked<Value>(
  found: DoctorFinding[],
  check: string,
  look: () => Promise<Value> | Value,
): Promise<{ readonly value: Value } | null> {
  const holder: { seen: { readonly value: Value } | null } = { seen: null };
  const met = await guarded(check, async () => {
    holder.seen = { value: await look() };
    return [];
  });
  found.push(...met);
  return holder.seen;
}

const colours = { ok: "green", warning: "yellow", problem: "red", skipped: "gray" } as const;
const widest = "warning".length;

function line({ check, state, says, advice }: DoctorFinding): string {
  const shown = `${styled(colours[state], stateText(state))}  ${check}: ${printable(says, true)}`;
  return advice === null ? shown : `${shown}\n${" ".repeat(widest)}  ${printable(advice)}`;
}

function stateText(state: FindingState): string {
  return state.padEnd(widest);
}
