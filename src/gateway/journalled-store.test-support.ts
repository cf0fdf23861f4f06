// A log store that says in which order things became durable, and fails where a test wants it to.

import assert from "node:assert/strict";
import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import type { ApprovalStore } from "../approvals/approval-store.ts";
import { type LogStore, LogUnavailableError } from "../audit/log-store.ts";
import type { EncodedEntry } from "../core/entry.ts";

/** The store, with every append in the journal once it is durable, and refused where a test wants it to be. */
export function journalled(
  store: LogStore,
  journal: string[],
  failing: (entries: string) => boolean,
): LogStore {
  const append: LogStore["append"] = async (entries) => {
    const named = entries.map(nameOf).join(", ");
    if (failing(named)) throw new LogUnavailableError("no space left on the device");
    const receipt = await store.append(entries);
    journal.push(`durable ${named}`);
    return receipt;
  };
  return new Proxy(store, {
    get: (target, key) => {
      if (key === "append") return append;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The same of what waits. Changes without an entry are no part of the story. */
export function journalledApprovals(
  store: ApprovalStore,
  journal: string[],
  failing: (entries: string) => boolean,
): ApprovalStore {
  const told = async <Outcome>(entries: readonly EncodedEntry[], write: () => Promise<Outcome>) => {
    if (entries.length === 0) return write();
    const named = entries.map(nameOf).join(", ");
    if (failing(named)) throw new LogUnavailableError("no space left on the device");
    const outcome = await write();
    journal.push(`durable ${named}`);
    return outcome;
  };
  return new Proxy(store, {
    get: (target, key) => {
      if (key === "file") {
        const file: ApprovalStore["file"] = (hold, approvals, caps, entries) =>
          told(entries, () => store.file(hold, approvals, caps, entries));
        return file;
      }
      if (key === "change") {
        const change: ApprovalStore["change"] = (changed, entries) =>
          told(entries, () => store.change(changed, entries));
        return change;
      }
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function nameOf(entry: EncodedEntry): string {
  const leaf = parseLeaf(entry.leaf);
  assert.ok(leaf.ok);
  switch (leaf.value.type) {
    case "call.decided":
      return `decided ${leaf.value.decision} ${leaf.value.target ?? "nothing"}`;
    case "action.decided":
      return `action ${leaf.value.decision} ${leaf.value.tool}`;
    case "call.completed":
      return `completed ${leaf.value.outcome}`;
    default:
      return leaf.value.type;
  }
}
