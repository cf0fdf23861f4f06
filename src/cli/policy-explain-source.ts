// Where `policy explain` finds what is on record: at a running gateway, or in a data folder.

import { type Leaf, leafSchema } from "portcullis-verify/leaves/leaf-schema.ts";
import { openSqliteReadOnly } from "../compose.ts";
import { fail, ok } from "../core/result.ts";
import { entriesOfCall, entryOf } from "../wiring/recorded-calls.ts";
import type { CommittedText } from "../wiring/replay-decision.ts";
import { type AdminClient, isRow, type Row, rowsOf } from "./admin-client.ts";
import { Finding } from "./finding.ts";

export interface FoundEntry {
  readonly index: number;
  readonly leaf: Leaf;
}

export interface RecordSource {
  /** By index or id. Throws `Finding` when there is none, or none that can be read. */
  entry(name: string): Promise<FoundEntry>;
  /** Oldest first; empty when there is none. */
  call(id: string): Promise<readonly FoundEntry[]>;
  /** Null when nothing is kept of it. */
  revision(id: string): Promise<string | null>;
  /** What the entry only commits to, where it is kept and matches. */
  committed(entry: FoundEntry, field: "source_address" | "arguments"): Promise<CommittedText>;
}

/** To be closed. */
export interface FolderSource extends RecordSource {
  close(): void;
}

export function gatewaySource(client: AdminClient): RecordSource {
  return {
    entry: async (name) => foundEntry(await client.get(`/entries/${encodeURIComponent(name)}`)),
    call: async (id) => {
      const query = { call: id, order: "oldest", limit: "200" };
      const ended = (rows: readonly Row[]): boolean =>
        rows.some(({ leaf }) => isRow(leaf) && leaf["type"] === "call.completed");
      return (await client.pages("/entries", "entries", query, ended)).map(foundEntry);
    },
    revision: async (id) => {
      try {
        const { content } = await client.get(`/policies/${id}`);
        return typeof content === "string" ? content : null;
      } catch (fault) {
        if (fault instanceof Finding) return null;
        throw fault;
      }
    },
    committed: async ({ index }, field) => {
      const { payloads } = await client.get(`/entries/${index}/payloads`);
      const kept = rowsOf(payloads).find((payload) => payload["field"] === field);
      const isText = kept?.["encoding"] === "utf8" && typeof kept["value"] === "string";
      if (kept?.["status"] === "matches" && isText) return ok(String(kept["value"]));
      return fail(whyUnknown(kept?.["status"]));
    },
  };
}

/** `folder` is a data folder. What is sealed in it stays so: it has no key to it. */
export function folderSource(folder: string): FolderSource {
  const database = openSqliteReadOnly(folder);
  const { log, revisions } = database;
  return {
    entry: async (name) => {
      const found = await entryOf(log, name);
      if (found === null) throw new Finding(`there is no entry \`${name}\``);
      return readable(found.index, found.leaf);
    },
    call: async (id) => (await entriesOfCall(log, id)).map(({ index, leaf }) => readable(index, leaf)),
    revision: async (id) => (await revisions.byRevision(id))?.content ?? null,
    committed: async () => fail("it is not recorded, only committed to; ask the running gateway"),
    close: () => database.close(),
  };
}

function whyUnknown(status: unknown): string {
  switch (status) {
    case "erased":
      return "it was erased";
    case "differs":
    case "damaged":
      return "what is kept of it is not what the entry committed to";
    default:
      return "it is not recorded, only committed to";
  }
}

function foundEntry(row: Row): FoundEntry {
  const parsed = leafSchema.safeParse(row["leaf"]);
  return readable(Number(row["index"]), parsed.success ? parsed.data : null);
}

function readable(index: number, leaf: Leaf | null): FoundEntry {
  if (leaf !== null) return { index, leaf };
  throw new Finding(`entry ${index} cannot be read; run \`portcullis audit verify\``);
}
