// A witness, put together: its key, what it remembers, the logs of its config, and where it listens.

import type { Logger } from "pino";
import { parseVerifierKey } from "portcullis-verify/log/signed-note.ts";
import type { WitnessConfig } from "../config/witness-config.ts";
import { rfc3339, systemClock } from "../core/clock.ts";
import { OperatorError } from "../core/operator-error.ts";
import { WitnessServer } from "../http/witness-server.ts";
import { maxClockBehindSeconds, Witness, type WitnessedLog } from "../witness/witness.ts";
import { openWitnessKey } from "../witness/witness-key.ts";
import type { WitnessStore } from "../witness/witness-store.ts";
import { listen } from "./listen.ts";

export interface WitnessPlace {
  readonly config: WitnessConfig;
  readonly store: WitnessStore;
  readonly log: Logger;
  /** Where an operator says that the latest cosignature is of a wrong clock, as the refusal named it; null for not. */
  readonly acceptedClock: string | null;
}

export interface RunningWitness {
  readonly url: string;
  readonly vkey: string;
  /** Throws `OperatorError` for logs that cannot be used; then everything is as it was. */
  replaceLogs(config: WitnessConfig): void;
  close(): Promise<void>;
}

/** The variable in which an operator says of which time the latest cosignature wrongly is. */
export const acceptClockVariable = "PORTCULLIS_ACCEPT_CLOCK";

/** Throws `OperatorError`. */
export async function openWitness(place: WitnessPlace): Promise<RunningWitness> {
  const { config, store, log } = place;
  const logs = witnessedLogs(config);
  const latest = await store.latestTime();
  const signer = await openWitnessKey(config.stateFolder, config.name, latest === 0);
  await checkClock(place, latest);
  const witness = new Witness({
    signer,
    store,
    logs,
    clock: systemClock,
    onFault: (fault) => log.error({ fault: fault.message }, "nothing could be cosigned"),
  });
  const server = new WitnessServer(witness);
  const url = await listen(server, config.listen, "listen");
  return {
    url,
    vkey: witness.vkey,
    replaceLogs: (next) => witness.replaceLogs(witnessedLogs(next)),
    close: async () => {
      await server.close();
      await store.close();
    },
  };
}

function witnessedLogs({ logs }: WitnessConfig): readonly WitnessedLog[] {
  const known = new Map<string, WitnessedLog>();
  for (const { vkey, origin: named } of logs) {
    const verifier = parseVerifierKey(vkey);
    if (!verifier.ok) throw new OperatorError(`\`${vkey}\` in \`logs\` cannot be used: ${verifier.failure}`);
    const origin = named ?? verifier.value.name;
    const keys = known.get(origin)?.keys ?? [];
    if (keys.some((key) => key.vkey === vkey))
      throw new OperatorError(`\`${vkey}\` stands twice in \`logs\`; take one away`);
    known.set(origin, { origin, keys: [...keys, verifier.value] });
  }
  return [...known.values()];
}

/** A clock that is behind would cosign larger trees with earlier times. */
async function checkClock({ store, acceptedClock }: WitnessPlace, latest: number): Promise<void> {
  const now = Math.floor(systemClock.now() / 1000);
  if (latest - now <= maxClockBehindSeconds) return;
  const newest = rfc3339(latest * 1000);
  if (acceptedClock === newest) return store.resetTimes(now);
  throw new OperatorError(
    `the clock says ${rfc3339(now * 1000)}, and the latest cosignature is of ${newest}; set the clock right. If it was wrong then, start once with ${acceptClockVariable}=${newest}`,
  );
}
