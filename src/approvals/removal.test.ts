import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { filed } from "../storage/contract/approval-samples.ts";
import { withStorage } from "../storage/contract/driver.ts";
import { entry } from "../storage/contract/samples.ts";
import { openForContract } from "../storage/sqlite/test-data.test-support.ts";
import type { ApprovalStore } from "./approval-store.ts";
import { Removal } from "./removal.ts";

const day = 86_400_000;

/** Removal from a real store, that can be told to do something after each of its transactions. */
function removalFrom(store: ApprovalStore) {
  const state: { keepDecidedMs: number | null; after: () => unknown } = {
    keepDecidedMs: day,
    after: () => {},
  };
  const faults: string[] = [];
  const removal = new Removal({
    store: {
      removeOver: async (forMs) => {
        const removed = await store.removeOver(forMs);
        await state.after();
        return removed;
      },
    },
    rules: state,
    faults: { failed: (what, fault) => void faults.push(`${what}: ${String(fault)}`) },
  });
  return { state, faults, removal };
}

/** How many are left. */
async function left(store: ApprovalStore): Promise<number> {
  return (await store.list({ limit: 1_000 })).length;
}

async function fileMany(store: ApprovalStore, count: number): Promise<void> {
  const overAt = (await store.now()) - 2 * day;
  await Promise.all(Array.from({ length: count }, () => filed(store, { overAt })));
}

describe("removal of what is over", () => {
  test("takes all that has been kept for long enough, and nothing where all is kept for ever", () =>
    withStorage(openForContract, async ({ approvals }) => {
      const { state, removal } = removalFrom(approvals);
      await fileMany(approvals, 120);
      await filed(approvals, { overAt: (await approvals.now()) - day / 2 });
      await filed(approvals, { overAt: null });
      state.keepDecidedMs = null;
      assert.equal(await removal.sweep(), 0);
      state.keepDecidedMs = day;
      assert.equal(await removal.sweep(), 120);
      assert.equal(await left(approvals), 2);
    }));

  test("goes by the config of the moment, and lets calls pass between its steps", () =>
    withStorage(openForContract, async ({ approvals, log }) => {
      const { state, removal } = removalFrom(approvals);
      await fileMany(approvals, 200);
      const seen: number[] = [];
      state.after = async () => {
        await log.append([entry()]);
        seen.push(await left(approvals));
        if (seen.length === 2) state.keepDecidedMs = null;
      };
      assert.equal(await removal.sweep(), 100);
      assert.deepEqual(seen, [150, 100]);
    }));

  test("that is stopped ends after its step, and the next start goes on with it", () =>
    withStorage(openForContract, async ({ approvals }) => {
      const { state, removal } = removalFrom(approvals);
      await fileMany(approvals, 120);
      const begun = Promise.withResolvers<void>();
      state.after = begun.resolve;
      removal.start();
      await begun.promise;
      await removal.stop();
      assert.equal(await left(approvals), 70);
      assert.equal(await removalFrom(approvals).removal.sweep(), 70);
    }));

  test("that fails is told of", () =>
    withStorage(openForContract, async ({ approvals }) => {
      const { state, removal, faults } = removalFrom(approvals);
      state.after = () => {
        throw new Error("no disk");
      };
      removal.start();
      await removal.stop();
      assert.deepEqual(faults, ["approvals that are over could not be removed: Error: no disk"]);
    }));
});
