// The witnesses that the config names, and whose cosignatures are enough.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Logger } from "pino";
import { parseWitnessKey, type WitnessVerifier } from "portcullis-verify/log/cosignature.ts";
import { parseTlogPolicy } from "portcullis-verify/log/tlog-policy.ts";
import type { LogStore } from "../audit/log-store.ts";
import { witnessConnection } from "../audit/witnessing/witness-connection.ts";
import { canBeMet, quorumOf, type WitnessQuorum } from "../audit/witnessing/witness-policy.ts";
import { Witnessing } from "../audit/witnessing/witnessing.ts";
import type { LoadedConfig } from "../config/load.ts";
import { OperatorError } from "../core/operator-error.ts";
import type { Egress } from "../egress/egress.ts";
import { guardedLookup } from "../providers/egress.ts";

export interface WitnessesPlace {
  readonly loaded: Pick<LoadedConfig, "config" | "folder">;
  readonly store: LogStore;
  readonly egress: Egress;
  readonly log: Logger;
}

const connectMs = 5_000;

/** Null where the config names none. Asks nobody yet. Throws `OperatorError` for what cannot be used. */
export async function openWitnesses({
  loaded,
  store,
  egress,
  log,
}: WitnessesPlace): Promise<Witnessing | null> {
  const { witnesses } = loaded.config.audit;
  if (witnesses.length === 0) return null;
  const verifiers = witnesses.map(({ vkey }, at) => verifierOf(vkey, at));
  const quorum = await configuredQuorum(loaded, verifiers);
  return new Witnessing({
    store,
    quorum,
    uptimeMs: () => performance.now(),
    witnesses: witnesses.flatMap(({ url, allow_private_addresses }, at) => {
      const verifier = verifiers[at];
      const lookup = guardedLookup(allow_private_addresses);
      const connect = egress.connector({ timeoutMs: connectMs, lookup });
      return verifier === undefined ? [] : [{ verifier, connection: witnessConnection(url, connect) }];
    }),
    onTrouble: (witness, why) => {
      if (why === null) log.info({ witness }, "the witness cosigns again");
      else log.warn({ witness, why }, "a witness does not cosign; it is asked again");
    },
  });
}

function verifierOf(vkey: string, at: number): WitnessVerifier {
  const verifier = parseWitnessKey(vkey);
  if (verifier.ok) return verifier.value;
  throw new OperatorError(
    `\`audit.witnesses\`, entry ${at + 1}: the \`vkey\` cannot be used: ${verifier.failure}`,
  );
}

/** Throws `OperatorError` where the witnesses could not meet it even if all of them cosigned. */
async function configuredQuorum(
  { config, folder }: WitnessesPlace["loaded"],
  verifiers: readonly WitnessVerifier[],
): Promise<WitnessQuorum> {
  const { witness_policy: policy = Math.floor(verifiers.length / 2) + 1 } = config.audit;
  if (typeof policy === "number") return quorumOf(policy, verifiers);
  const quorum = await policyFile(resolve(folder, policy), policy);
  if (canBeMet(quorum, verifiers)) return quorum;
  throw new OperatorError(
    `\`${policy}\` asks for cosignatures of witnesses that are not in \`audit.witnesses\`; add them there`,
  );
}

async function policyFile(path: string, name: string): Promise<WitnessQuorum> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (fault) {
    const code = fault instanceof Error && "code" in fault ? String(fault.code) : "unknown";
    throw new OperatorError(`\`${name}\` of \`audit.witness_policy\` cannot be read (${code})`);
  }
  const policy = parseTlogPolicy(bytes);
  if (policy.ok) return policy.value;
  const { line, detail } = policy.failure;
  throw new OperatorError(`\`${name}\`${line === null ? "" : `, line ${line}`}: ${detail}`);
}
