// What the trail commits to, read with the keys that it is sealed under: for whoever verifies on the gateway's own host.

import { checkPayloads } from "portcullis-verify/rules/payload-check.ts";
import type { PayloadReader } from "portcullis-verify/rules/payload-rules.ts";
import { DataKeys } from "../audit/data-keys.ts";
import { openSubjectLookupKey } from "../audit/key-files.ts";
import type { LogStore } from "../audit/log-store.ts";
import type { PayloadStore } from "../audit/payload-store.ts";
import { Payloads } from "../audit/payloads.ts";
import { Subjects } from "../audit/subjects.ts";
import { systemClock } from "../core/clock.ts";
import { fail, ok } from "../core/result.ts";
import { openKek } from "../credentials/kek.ts";
import { openRootKey } from "../credentials/root-key.ts";
import type { CommittedReader } from "./decision-replayer.ts";
import type { CommittedText, DecidedLeaf } from "./replay-decision.ts";

export interface SealedRecord {
  readonly payloads: PayloadReader;
  readonly committed: CommittedReader;
}

/** Throws `OperatorError` when the keys are missing, or are not those of this data. Reading the KEK's variable removes it. */
export async function openSealedRecord(
  { log, payloads: store }: { readonly log: LogStore; readonly payloads: PayloadStore },
  keysFolder: string,
  environment: NodeJS.ProcessEnv,
): Promise<SealedRecord> {
  const kek = await openKek(keysFolder, false, environment);
  await openRootKey(kek, store, false);
  const dataKeys = new DataKeys(store, kek);
  const payloads = new Payloads({ store, dataKeys, onLost: () => {} });
  const lookupKey = await openSubjectLookupKey({ folder: keysFolder, mayCreate: false });
  const subjects = new Subjects({ store, dataKeys, lookupKey, clock: systemClock });
  return { payloads, committed: committedReader(log, payloads, subjects) };
}

export function committedReader(
  log: Pick<LogStore, "salt">,
  payloads: PayloadReader,
  subjects: Pick<Subjects, "nameOf">,
): CommittedReader {
  const field = async (leaf: DecidedLeaf, name: string): Promise<CommittedText> => {
    const kept = checkPayloads(leaf, await log.salt(leaf.id), await payloads.read(leaf.id));
    const found = kept.find((one) => one.field === name);
    if (found?.status !== "matches" || found.value === null)
      return fail(`it is ${found?.status ?? "not kept"}`);
    return ok(Buffer.from(found.value).toString("utf8"));
  };
  return {
    field,
    userName: async (pseudonym) => {
      const subject = await subjects.nameOf(pseudonym);
      return subject === null ? fail("it was erased") : ok(subject.name);
    },
  };
}
