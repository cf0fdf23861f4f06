// All stores on one PostgreSQL database.

import { OperatorError } from "../../core/operator-error.ts";
import type { ReadOnlyRecord } from "../read-only.ts";
import type { Storage } from "../storage.ts";
import { PostgresApprovalStore } from "./approval-store.ts";
import { PostgresChanges } from "./changes.ts";
import { PostgresCounterStore } from "./counter-store.ts";
import { type HeartbeatTimes, heartbeatTimes, Instances } from "./instances.ts";
import { PostgresKeyStore } from "./key-store.ts";
import { PostgresLogStore } from "./log-store.ts";
import { checkReadable, migrate } from "./migrate.ts";
import { PostgresOperatorStore } from "./operator-store.ts";
import { PostgresPayloadStore } from "./payload-store.ts";
import { clientConfig, placeName } from "./place.ts";
import { faultText } from "./postgres-fault.ts";
import { PostgresReader } from "./reader.ts";
import { PostgresRevisionStore } from "./revision-store.ts";
import { PostgresSecretStore } from "./secret-store.ts";
import { serverWarning } from "./server-check.ts";
import { Session } from "./session.ts";
import { PostgresUsageStore } from "./usage-store.ts";
import { PostgresWriter } from "./writer.ts";

export interface PostgresPlace {
  /** `postgres://…`, without a password. */
  readonly url: string;
  /** What the operator should know and may put up with. */
  readonly warn: (warning: string) => void;
  /** As is right for a gateway, unless said otherwise. */
  readonly times?: HeartbeatTimes;
}

/** How long a reading statement may take. */
const readWithinMs = 15_000;

/** Throws `OperatorError` when the database cannot be reached or used by this version, or would lose commits. */
export async function openPostgresStorage(place: PostgresPlace): Promise<Storage> {
  const { url, warn, times = heartbeatTimes } = place;
  const connect = async (): Promise<Session> => (await Session.open(clientConfig(url), "write")).session;
  const session = await firstSession(place, warn);
  const reader = new PostgresReader(url, { answerWithinMs: readWithinMs, fromStandby: false });
  const changes = new PostgresChanges(clientConfig(url));
  const writer = new PostgresWriter(session, connect, () => {
    reader.reset();
    changes.reset();
  });
  const instances = new Instances(writer, times);
  return {
    changes,
    log: new PostgresLogStore(reader, { writer, instances }),
    payloads: new PostgresPayloadStore(reader, writer),
    keys: new PostgresKeyStore(reader, writer),
    operators: new PostgresOperatorStore(reader, writer),
    secrets: new PostgresSecretStore(reader, writer),
    revisions: new PostgresRevisionStore(reader, writer),
    usage: new PostgresUsageStore(reader, writer),
    counters: new PostgresCounterStore(reader, writer),
    approvals: new PostgresApprovalStore(reader, writer),
    close: async () => {
      instances.close();
      await changes.close();
      await writer.close();
      await reader.close();
    },
  };
}

/** What `audit verify` reads: changes nothing, and reads a standby too. Throws `OperatorError`. */
export async function openPostgresReadOnly(url: string): Promise<ReadOnlyRecord> {
  try {
    const { session } = await Session.open(clientConfig(url), "read");
    await checkReadable(session, placeName(url)).finally(() => session.end());
  } catch (fault) {
    throw inWords(fault, url, "read");
  }
  // Counting a large log takes as long as it takes.
  const reader = new PostgresReader(url, { answerWithinMs: 0, fromStandby: true });
  return {
    log: new PostgresLogStore(reader, null),
    payloads: new PostgresPayloadStore(reader, null),
    revisions: new PostgresRevisionStore(reader, null),
    close: () => reader.close(),
  };
}

async function firstSession({ url }: PostgresPlace, warn: (warning: string) => void): Promise<Session> {
  let session: Session | null = null;
  try {
    const opened = await Session.open(clientConfig(url), "write");
    session = opened.session;
    const warning = serverWarning(opened.settings);
    if (warning !== null) warn(warning);
    await migrate(session, placeName(url));
    return session;
  } catch (fault) {
    session?.end();
    throw inWords(fault, url, "used");
  }
}

function inWords(fault: unknown, url: string, what: "read" | "used"): OperatorError {
  if (fault instanceof OperatorError) return fault;
  return new OperatorError(`the database ${placeName(url)} cannot be ${what}: ${faultText(fault)}`);
}
