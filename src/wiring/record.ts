// What the gateway puts on record and how: the trail, the pseudonyms it names people by, and the payload beside it.

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Logger } from "pino";
import { DataKeys } from "../audit/data-keys.ts";
import { openLogKey, openSubjectLookupKey } from "../audit/key-files.ts";
import type { KeyWrapper } from "../audit/key-wrapper.ts";
import type { LogStore } from "../audit/log-store.ts";
import type { PayloadStore } from "../audit/payload-store.ts";
import { Payloads } from "../audit/payloads.ts";
import { Subjects } from "../audit/subjects.ts";
import { Trail } from "../audit/trail.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { newId } from "../core/id.ts";

export interface RecordPlace {
  readonly log: LogStore;
  readonly payloads: PayloadStore;
  readonly keysFolder: string;
  readonly kek: KeyWrapper;
  /** Null before the first start. */
  readonly origin: string | null;
  readonly version: string;
  readonly faults: Logger;
}

export interface Record {
  readonly trail: Trail;
  readonly subjects: Subjects;
  readonly payloads: Payloads;
}

const clock: Clock = systemClock;

/** Takes over the log and repairs what a crash left open. Throws `OperatorError` when it must not be continued. */
export async function openRecord(place: RecordPlace): Promise<Record> {
  const { keysFolder: folder, faults } = place;
  const mayCreate = place.origin === null;
  const origin = place.origin ?? `localhost/portcullis-${randomUUID().slice(0, 8)}`;
  const signer = await openLogKey(origin, { folder, mayCreate });
  const lookupKey = await openSubjectLookupKey({ folder, mayCreate });
  const trail = await Trail.open({
    store: place.log,
    signer,
    headFile: join(folder, "checkpoint"),
    instance: newId("inst", clock.now()),
    version: place.version,
    clock,
    onFault: ({ during, error }) => faults.error({ during, fault: error.message }, "the trail met a fault"),
  });
  trail.startCheckpoints();
  const dataKeys = new DataKeys(place.payloads, place.kek);
  const payloads = new Payloads({
    store: place.payloads,
    dataKeys,
    onLost: ({ entryId, reason }) => faults.error({ entry: entryId, reason }, "payload could not be kept"),
  });
  return { trail, subjects: new Subjects({ store: place.payloads, dataKeys, lookupKey, clock }), payloads };
}
