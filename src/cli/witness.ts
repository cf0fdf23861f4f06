// `witness`: runs a witness for the logs of gateways, best on a host and in hands that are not theirs.

import { Command } from "commander";
import pino from "pino";
import { openSqliteWitnessStore } from "../compose.ts";
import { formatConfigProblem } from "../config/load.ts";
import { loadWitnessConfig, type WitnessConfig } from "../config/witness-config.ts";
import { OperatorError } from "../core/operator-error.ts";
import { acceptClockVariable, openWitness, type RunningWitness } from "../wiring/witness.ts";
import { withExample } from "./gateway-command.ts";
import { stopped } from "./serve.ts";
import { version } from "./version.ts";

interface Options {
  readonly config: string;
}

export function witnessCommand(): Command {
  const command = new Command("witness")
    .description(
      "run a witness: cosigns checkpoints of the logs in its config, each only when it goes on from the one before",
    )
    .option("--config <file>", "its config", "witness.yaml");
  return withExample(command, "portcullis witness --config /etc/portcullis/witness.yaml").action(runWitness);
}

async function runWitness({ config: path }: Options): Promise<void> {
  const config = await readWitnessConfig(path);
  const log = pino({ base: null }, pino.destination({ fd: 2, sync: true }));
  const stop = stopped();
  const store = openSqliteWitnessStore(config.stateFolder);
  const witness = await opened(
    openWitness({ config, store, log, acceptedClock: process.env[acceptClockVariable] ?? null }),
    () => store.close(),
  );
  process.on("SIGHUP", () => void reload(witness, path, log));
  console.log(`Portcullis ${version}, witness at ${witness.url}\n${witness.vkey}`);
  if (config.logs.length === 0) log.warn("`logs` names none, so nothing is cosigned");
  log.info({ url: witness.url, vkey: witness.vkey, version }, "listening");
  await stop;
  await witness.close();
  log.info("stopped");
}

async function readWitnessConfig(path: string): Promise<WitnessConfig> {
  const loaded = await loadWitnessConfig(path);
  if (loaded.ok) return loaded.value;
  throw new OperatorError(
    `the config of the witness cannot be used:\n${loaded.failure.map(formatConfigProblem).join("\n")}`,
  );
}

/** What was opened before is closed when the rest cannot be. */
async function opened(witness: Promise<RunningWitness>, close: () => Promise<void>): Promise<RunningWitness> {
  try {
    return await witness;
  } catch (fault) {
    await close();
    throw fault;
  }
}

/** Never rejects: a config that cannot be used leaves the running one. Only `logs` changes without a restart. */
async function reload(witness: RunningWitness, path: string, log: pino.Logger): Promise<void> {
  try {
    const config = await readWitnessConfig(path);
    witness.replaceLogs(config);
    log.info({ logs: config.logs.length }, "the logs of the config are in force");
  } catch (fault) {
    log.error({ fault: String(fault) }, "the changed config cannot be used; the old logs stay in force");
  }
}
