// What the gateway puts on record and how: the trail, the pseudonyms it names people by, and the payload beside it.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import { DataKeys } from "../audit/data-keys.ts";
import { openLogKey, openSubjectLookupKey, subjectLookupKeyFile } from "../audit/key-files.ts";
import type { KeyWrapper } from "../audit/key-wrapper.ts";
import { type LogStore, LogUnavailableError } from "../audit/log-store.ts";
import type { PayloadStore } from "../audit/payload-store.ts";
import { Payloads } from "../audit/payloads.ts";
import { checkLookupKey, Subjects } from "../audit/subjects.ts";
import type { FillProgress } from "../audit/tile-hash-filling.ts";
import { Trail } from "../audit/trail.ts";
import { acceptClockVariable } from "../audit/trail-clock.ts";
import type { TrailFault } from "../audit/trail-faults.ts";
import type { TrailOptions } from "../audit/trail-options.ts";
import { acceptHeadVariable } from "../audit/trail-start.ts";
import type { Witnessing } from "../audit/witnessing/witnessing.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { removeLeftovers } from "../core/durable-file.ts";
import { newId } from "../core/id.ts";
import { OperatorError } from "../core/operator-error.ts";

export interface RecordPlace {
  readonly log: LogStore;
  readonly payloads: PayloadStore;
  readonly keysFolder: string;
  readonly kek: KeyWrapper;
  /** Null before the first start. */
  readonly origin: string | null;
  readonly version: string;
  readonly faults: Logger;
  readonly witnesses?: Witnessing | null;
  /** Where an operator says what to go on from in spite of a refusal; the process's unless said otherwise. */
  readonly environment?: NodeJS.ProcessEnv;
}

export interface Record {
  readonly trail: Trail;
  readonly subjects: Subjects;
  readonly payloads: Payloads;
  readonly dataKeys: DataKeys;
  /** Under which this process writes the log. */
  readonly instance: string;
}

const clock: Clock = systemClock;

const fillTellingMs = 5_000;

/** Takes over the log and repairs what a crash left open. Throws `OperatorError` when it must not be continued. */
export async function openRecord(place: RecordPlace): Promise<Record> {
  const { keysFolder: folder, faults, environment = process.env } = place;
  const headFile = join(folder, "checkpoint");
  // Whoever has the data folder has this one too, and nothing of ours writes there yet; gateways on one database may share
  // it, and none of them takes a minute to write a file.
  removeLeftovers(folder, place.log.peers === null ? 0 : 60_000);
  // With a head there was a log: then its keys are missing, and new ones would be of another.
  const mayCreate = place.origin === null && !existsSync(headFile);
  const signer = await openLogKey(place.origin, { folder, mayCreate });
  const lookupKey = await openSubjectLookupKey({ folder, mayCreate });
  // A log that is not there is what has to be told first.
  if (place.origin !== null || mayCreate) {
    await checkLookupKey(place.payloads, lookupKey, `\`${join(folder, subjectLookupKeyFile)}\``, mayCreate);
  }
  const instance = newId("inst", clock.now());
  const trail = await openTrail({
    store: place.log,
    signer,
    headFile,
    instance,
    version: place.version,
    clock,
    witnesses: place.witnesses ?? null,
    acceptedHead: environment[acceptHeadVariable] ?? null,
    acceptedClock: environment[acceptClockVariable] ?? null,
    onFault: (fault) => tellFault(faults, fault),
    onFill: fillTeller(faults),
  });
  tellOutsideHead(faults, trail, headFile);
  trail.startCheckpoints();
  const dataKeys = new DataKeys(place.payloads, place.kek);
  const payloads = new Payloads({
    store: place.payloads,
    dataKeys,
    onLost: ({ entryId, reason, error }) =>
      faults.error({ entry: entryId, reason, fault: error?.message }, "payload could not be kept"),
  });
  const subjects = new Subjects({ store: place.payloads, dataKeys, lookupKey, clock });
  return { trail, subjects, payloads, dataKeys, instance };
}

/** At a start somebody is there to read what hinders it; later it is the calls that are refused. */
async function openTrail(options: TrailOptions): Promise<Trail> {
  try {
    return await Trail.open(options);
  } catch (fault) {
    if (fault instanceof LogUnavailableError) throw new OperatorError(fault.message);
    throw fault;
  }
}

function tellFault(log: Logger, { during, error, ends }: TrailFault): void {
  const told = { during, fault: error.message };
  if (ends)
    log.fatal(
      told,
      "the trail has ended: nothing is recorded, and so nothing is done, until it is started again",
    );
  else log.error(told, "the trail met a fault");
}

/** Tells that it has begun and ended, and in between every few seconds how far it is. */
function fillTeller(log: Logger): FillProgress {
  let told = Number.NEGATIVE_INFINITY;
  return (done, total) => {
    if (done < total && performance.now() - told < fillTellingMs) return;
    told = performance.now();
    log.info({ done, total }, "hashes of the log's tree that are missing are computed from its entries");
  };
}

function tellOutsideHead(log: Logger, { outsideHead, vkey }: Trail, headFile: string): void {
  switch (outsideHead) {
    case "matched":
      return;
    case "missing":
      return log.info({ vkey }, "a log was begun; keep its vkey out of reach of whoever runs the gateway");
    case "accepted":
      return log.warn(
        { headFile },
        "the log goes on without a head that vouches for it from outside the data store",
      );
  }
}
