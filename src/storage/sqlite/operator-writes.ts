// Changes of operators' tokens. Each commits together with its entry of the trail.

import type { EncodedEntry } from "../../core/entry.ts";
import type {
  BootstrapEnd,
  KeptOperatorToken,
  OperatorStore,
  OperatorTokenEnd,
} from "../../identity/operator-store.ts";
import { operatorTokenValues } from "../rows/operator-row.ts";
import type { Writing } from "./writing.ts";

export class OperatorWrites implements Pick<OperatorStore, "invite" | "remove" | "endBootstrap"> {
  readonly #writing: Writing;

  constructor(writing: Writing) {
    this.#writing = writing;
  }

  invite(
    token: KeptOperatorToken,
    replaced: readonly OperatorTokenEnd[],
    entry: EncodedEntry,
  ): Promise<boolean> {
    const { database, writer, appender } = this.#writing;
    return writer.write(() => {
      const { changes } = database
        .prepare(
          "INSERT INTO operator_tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (person, serial) DO NOTHING",
        )
        .run(...operatorTokenValues(token));
      if (changes !== 1) return false;
      for (const end of replaced) this.#end(end);
      this.#endBootstrap("operator_invited");
      appender.append([entry]);
      return true;
    });
  }

  remove(end: OperatorTokenEnd, entry: EncodedEntry): Promise<boolean> {
    return this.#writing.writer.write(() => {
      if (!this.#end(end)) return false;
      this.#writing.appender.append([entry]);
      return true;
    });
  }

  endBootstrap(why: BootstrapEnd): Promise<void> {
    return this.#writing.writer.write(() => this.#endBootstrap(why));
  }

  #end({ id, at, from, to }: OperatorTokenEnd): boolean {
    const { changes } = this.#writing.database
      .prepare(
        "UPDATE operator_tokens SET revoked_at = ?, mac = ? WHERE id = ? AND mac = ? AND revoked_at IS NULL",
      )
      .run(at, to, id, from);
    return changes === 1;
  }

  #endBootstrap(why: BootstrapEnd): void {
    this.#writing.database
      .prepare("INSERT INTO bootstrap_vote VALUES (1, ?) ON CONFLICT DO NOTHING")
      .run(why);
  }
}
