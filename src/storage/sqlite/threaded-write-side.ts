// The write side in a thread of its own, method by method.

import { packEntries } from "./packed-entries.ts";
import { detached } from "./write-messages.ts";
import type { OpenWriteSide, WriteSide } from "./write-side.ts";
import { WriteThread } from "./write-thread.ts";

/** Over the database in this folder, which `openFolder` has opened. */
export function threadedWriteSide(folder: string): OpenWriteSide {
  const thread = new WriteThread(folder);
  const call: Call = (store, method, ...values) =>
    thread.run({ store, method, values: values.map(detached) });
  return {
    side: {
      log: {
        create: (identity) => call("log", "create", identity),
        takeOver: (instance) => call("log", "takeOver", instance),
        append: (entries) => thread.run({ append: packEntries(entries) }),
        putTileHashes: (hashes) => call("log", "putTileHashes", hashes),
        putCheckpoint: (checkpoint) => call("log", "putCheckpoint", checkpoint),
        putCosigned: (size, note, meetsQuorum) => call("log", "putCosigned", size, note, meetsQuorum),
        setOpenFrom: (index) => call("log", "setOpenFrom", index),
        upkeep: () => call("log", "upkeep"),
      },
      payloads: {
        ensureSubject: (subject) => call("payloads", "ensureSubject", subject),
        ensureKeyCheck: (name, value) => call("payloads", "ensureKeyCheck", name, value),
        putPayloads: (payloads) => call("payloads", "putPayloads", payloads),
        removePayloads: (entryIds) => call("payloads", "removePayloads", entryIds),
      },
      keys: {
        create: (key, entry) => call("keys", "create", key, entry),
        rotate: (old, successor, entries) => call("keys", "rotate", old, successor, entries),
        revoke: (end, entry) => call("keys", "revoke", end, entry),
      },
      operators: {
        invite: (token, replaced, entry) => call("operators", "invite", token, replaced, entry),
        remove: (end, entry) => call("operators", "remove", end, entry),
        endBootstrap: (why) => call("operators", "endBootstrap", why),
      },
      secrets: {
        put: (secret, entry) => call("secrets", "put", secret, entry),
        destroy: (name, entry) => call("secrets", "destroy", name, entry),
      },
      revisions: { activate: (record, entry) => call("revisions", "activate", record, entry) },
      usage: {
        advance: (from, to, increments, calls) => call("usage", "advance", from, to, increments, calls),
        reset: () => call("usage", "reset"),
      },
      counters: {
        reserve: (reservation) => call("counters", "reserve", reservation),
        settle: (callId, amount) => call("counters", "settle", callId, amount),
        release: (callId) => call("counters", "release", callId),
        releaseOfOthers: (holders) => call("counters", "releaseOfOthers", holders),
      },
      approvals: {
        file: (hold, approvals, caps, entries) => call("approvals", "file", hold, approvals, caps, entries),
        change: (change, entries) => call("approvals", "change", change, entries),
        removeOver: (forMs) => call("approvals", "removeOver", forMs),
      },
    },
    stop: (why) => thread.stop(why),
    close: () => thread.close(),
  };
}

type Method<Store extends keyof WriteSide, Name extends keyof WriteSide[Store]> = Extract<
  WriteSide[Store][Name],
  (...values: never[]) => Promise<unknown>
>;

type Call = <Store extends keyof WriteSide, Name extends keyof WriteSide[Store] & string>(
  store: Store,
  name: Name,
  ...values: Parameters<Method<Store, Name>>
) => Promise<Awaited<ReturnType<Method<Store, Name>>>>;
