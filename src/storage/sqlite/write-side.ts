// What changes the database: a half of each store, all of it on the one connection that writes.

import type { DatabaseSync } from "node:sqlite";
import type { ApprovalStore } from "../../approvals/approval-store.ts";
import type { PayloadStore } from "../../audit/payload-store.ts";
import type { SealedSecretStore } from "../../credentials/sealed-secret-store.ts";
import type { KeyStore } from "../../identity/key-store.ts";
import type { OperatorStore } from "../../identity/operator-store.ts";
import type { RevisionStore } from "../../policy/revision-store.ts";
import type { CounterStore } from "../../usage/counter-store.ts";
import type { UsageStore } from "../../usage/usage-store.ts";
import { ApprovalWrites } from "./approval-writes.ts";
import { CounterTables } from "./counter-tables.ts";
import { CounterWrites } from "./counter-writes.ts";
import { KeyWrites } from "./key-writes.ts";
import { LogAppender } from "./log-appender.ts";
import { LogWrites, type LogWriting } from "./log-writes.ts";
import { OperatorWrites } from "./operator-writes.ts";
import { PayloadWrites } from "./payload-writes.ts";
import { RevisionWrites } from "./revision-writes.ts";
import { SecretWrites } from "./secret-writes.ts";
import { UsageWrites } from "./usage-writes.ts";
import { WriteAheadLog } from "./write-ahead-log.ts";
import { SqliteWriter } from "./writer.ts";

/** The methods of each store that write. They take and give plain data, so that they can run in another thread. */
export interface WriteSide {
  readonly log: LogWriting;
  readonly payloads: Pick<
    PayloadStore,
    "ensureSubject" | "ensureKeyCheck" | "putPayloads" | "removePayloads"
  >;
  readonly keys: Pick<KeyStore, "create" | "rotate" | "revoke">;
  readonly operators: Pick<OperatorStore, "invite" | "remove" | "endBootstrap">;
  readonly secrets: Pick<SealedSecretStore, "put" | "destroy">;
  readonly revisions: Pick<RevisionStore, "activate">;
  readonly usage: Pick<UsageStore, "advance" | "reset">;
  readonly counters: Pick<CounterStore, "reserve" | "settle" | "release" | "releaseOfOthers">;
  readonly approvals: Pick<ApprovalStore, "file" | "change" | "removeOver">;
}

/** A write side, and how it ends. */
export interface OpenWriteSide {
  readonly side: WriteSide;
  /** Nothing is written from now on, nor what waits: both reject with `LogUnavailableError` and this text. */
  stop(why: string): void;
  /** Commits what waits, then closes the connection; nothing can be written afterwards. */
  close(): Promise<void>;
}

/** In this thread, over this connection, which it does not close. */
export function localWriteSide(database: DatabaseSync): OpenWriteSide {
  const appender = new LogAppender(database);
  const writer = new SqliteWriter(database, {
    fence: () => appender.fence(),
    beforeCommit: () => appender.beforeCommit(),
    afterCommit: () => appender.afterCommit(),
    afterRollback: () => appender.forget(),
    overwrite: () => appender.rewriteHead(),
  });
  const writing = { database, writer, appender, wal: new WriteAheadLog(database) };
  const counters = new CounterTables(database);
  return {
    side: {
      log: new LogWrites(writing),
      payloads: new PayloadWrites(writing),
      keys: new KeyWrites(writing),
      operators: new OperatorWrites(writing),
      secrets: new SecretWrites(writing),
      revisions: new RevisionWrites(writing),
      usage: new UsageWrites(writing, counters),
      counters: new CounterWrites(writing, counters),
      approvals: new ApprovalWrites(writing),
    },
    stop: (why) => writer.stop(why),
    close: async () => writer.close(),
  };
}
