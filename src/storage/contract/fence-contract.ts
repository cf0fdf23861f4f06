// The guarantee of LogStore.takeOver and LogStore.stop (audit/log-store.ts) that reaches past the log: they end every write
// of an instance, whichever store it goes through.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FencedError, LogUnavailableError } from "../../audit/log-store.ts";
import type { Storage } from "../storage.ts";
import { approvalRow, changeOf, holdRow, noCaps } from "./approval-samples.ts";
import { type OpenStorage, withStorage } from "./driver.ts";
import { apiKey, entries, entry, headOf } from "./samples.ts";

export function describeFenceContract(open: OpenStorage): void {
  describe("every store", () => {
    test("is fenced for who was taken over from, whether what it writes has an entry or not", () =>
      withStorage(open, async (stores, opened) => {
        const [kept] = entries(1);
        assert.ok(kept !== undefined);
        await stores.log.append([kept]);
        const rival = await opened.rival();
        await opened.replace(rival, "inst_2");
        for (const [what, write] of writes(stores)) await assert.rejects(write(), FencedError, what);
        assert.deepEqual(await stateOf(rival), untouched);
        for (const [what, write] of writes(rival)) assert.notEqual(await write(), false, what);
      }));

    test("writes nothing more once it is stopped, nor what is waiting, and says why", () =>
      withStorage(open, async (stores, opened) => {
        const waiting = writes(stores).map(([, write]) => write());
        stores.log.stop?.("it was enough");
        const later = writes(stores).map(([, write]) => write());
        for (const one of await Promise.allSettled([...waiting, ...later])) {
          assert.ok(one.status === "rejected" && one.reason instanceof LogUnavailableError);
          assert.equal(one.reason.message, "it was enough");
        }
        const again = await opened.reopen();
        assert.deepEqual(await stateOf(again), untouched);
        assert.equal((await again.log.head()).size, 0);
      }));
  });
}

const subject = {
  id: "sub_1",
  kind: "user" as const,
  lookup: Buffer.alloc(32, 1),
  name: Buffer.from("name"),
  wrappedKey: Buffer.from("key"),
};

function writes({
  log,
  payloads,
  keys,
  usage,
  approvals,
}: Storage): readonly (readonly [string, () => Promise<unknown>])[] {
  const { size, frontier } = headOf([]);
  const hold = holdRow();
  const checkpoint = { size, frontier, time: 1, root: Buffer.alloc(32), note: "note" };
  return [
    ["an append", () => log.append(entries(1))],
    ["an append of nothing", () => log.append([])],
    ["a checkpoint", () => log.putCheckpoint(checkpoint)],
    ["cosignatures", () => log.putCosigned(checkpoint.size, "cosigned", true)],
    ["where recovery starts", () => log.setOpenFrom(1)],
    ["a key", () => keys.create(apiKey(), entry())],
    ["a subject", () => payloads.ensureSubject(subject)],
    ["payload", () => payloads.putPayloads([])],
    ["usage", () => usage.advance(0, 1, [])],
    ["usage that is counted anew", () => usage.reset()],
    ["a hold", () => approvals.file(hold, [approvalRow(hold)], noCaps, [])],
    ["a hold's change", () => approvals.change(changeOf(hold), [])],
  ];
}

const untouched = { checkpoint: null, openFrom: 0, position: 0, subject: null, held: 0 };

async function stateOf({ log, payloads, usage, approvals }: Storage) {
  return {
    checkpoint: await log.latestCheckpoint(),
    openFrom: await log.openFrom(),
    position: await usage.position(),
    subject: await payloads.subjectById(subject.id),
    held: (await approvals.list({ limit: 1 })).length,
  };
}
