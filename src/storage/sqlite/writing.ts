// What every write has at hand.

import type { DatabaseSync } from "node:sqlite";
import type { LogAppender } from "./log-appender.ts";
import type { WriteAheadLog } from "./write-ahead-log.ts";
import type { SqliteWriter } from "./writer.ts";

export interface Writing {
  /** The connection that writes. */
  readonly database: DatabaseSync;
  readonly writer: SqliteWriter;
  readonly appender: LogAppender;
  readonly wal: WriteAheadLog;
}
