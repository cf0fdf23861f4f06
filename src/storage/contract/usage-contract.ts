// The guarantees of UsageStore (usage/usage-store.ts).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { UsageIncrement, UsageQuery } from "../../usage/usage-store.ts";
import { type OpenStorage, withStorage } from "./driver.ts";

export function describeUsageContract(open: OpenStorage): void {
  describe("usage", () => {
    test("is empty at first, and sums by the dimensions asked for, in their order", () =>
      withStorage(open, async ({ usage }, opened) => {
        assert.equal(await usage.position(), 0);
        assert.deepEqual(await usage.query(whole("application")), []);
        assert.deepEqual(await usage.query(whole()), []);
        const counted = [
          increment({ day: "2026-01-02", application: "shop", calls: 2, outputTokens: 7 }),
          increment({ day: "2026-01-01", application: "shop", model: "demo/b", calls: 1, costMicroUsd: 5 }),
          increment({ day: "2026-01-01", application: "docs", user: "sub_1", calls: 4, refused: 3 }),
        ];
        assert.equal(await usage.advance(0, 10, counted), true);
        assert.equal(await usage.advance(10, 20, [increment({ day: "2026-01-02", calls: 1 })]), true);
        const again = (await opened.reopen()).usage;
        assert.equal(await again.position(), 20);
        assert.deepEqual(await again.query(whole("application")), [
          total({ application: "docs", calls: 4, refused: 3 }),
          total({ application: "shop", calls: 4, outputTokens: 7, costMicroUsd: 5 }),
        ]);
        assert.deepEqual(await again.query(whole("day", "model")), [
          total({ day: "2026-01-01", model: "demo/a", calls: 4, refused: 3 }),
          total({ day: "2026-01-01", model: "demo/b", calls: 1, costMicroUsd: 5 }),
          total({ day: "2026-01-02", model: "demo/a", calls: 3, outputTokens: 7 }),
        ]);
        const everything = total({ calls: 8, refused: 3, outputTokens: 7, costMicroUsd: 5 });
        assert.deepEqual(await again.query(whole()), [everything]);
      }));

    test("is asked for by days, both inclusive", () =>
      withStorage(open, async ({ usage }) => {
        const days = ["2026-01-01", "2026-01-02", "2026-01-03"];
        await usage.advance(
          0,
          3,
          days.map((day) => increment({ day, calls: 1 })),
        );
        const between = async (from: string | null, to: string | null): Promise<readonly string[]> =>
          (await usage.query({ by: ["day"], from, to })).map((row) => row.day);
        assert.deepEqual(await between("2026-01-02", null), days.slice(1));
        assert.deepEqual(await between(null, "2026-01-02"), days.slice(0, 2));
        assert.deepEqual(await between("2026-01-02", "2026-01-02"), ["2026-01-02"]);
        assert.deepEqual(await between("2026-02-01", null), []);
      }));

    test("counts every stretch of the log once, whoever races to count it", () =>
      withStorage(open, async ({ usage }, opened) => {
        const rival = (await opened.rival()).usage;
        const raced = await Promise.all(
          [usage, rival, usage, rival].map((store) => store.advance(0, 5, [increment({ calls: 1 })])),
        );
        assert.equal(raced.filter((won) => won).length, 1);
        assert.equal(await usage.advance(0, 9, [increment({ calls: 1 })]), false);
        assert.equal(await usage.position(), 5);
        assert.deepEqual(await usage.query(whole()), [total({ calls: 1 })]);
      }));

    test("is counted anew after a reset", () =>
      withStorage(open, async ({ usage }) => {
        await usage.advance(0, 5, [increment({ calls: 1 })]);
        await usage.reset();
        assert.equal(await usage.position(), 0);
        assert.deepEqual(await usage.query(whole()), []);
        assert.equal(await usage.advance(0, 5, [increment({ calls: 2 })]), true);
        assert.deepEqual(await usage.query(whole()), [total({ calls: 2 })]);
      }));

    test("stays countable and readable whatever numbers a provider reports", () =>
      withStorage(open, async ({ usage }) => {
        const most = Number.MAX_SAFE_INTEGER;
        for (let at = 0; at < 3; at += 1) {
          const absurd = [
            increment({ calls: 1, inputTokens: most }),
            increment({ application: "docs", calls: 1, inputTokens: most }),
          ];
          assert.equal(await usage.advance(at, at + 1, absurd), true);
        }
        assert.deepEqual(await usage.query(whole()), [total({ calls: 6, inputTokens: most })]);
      }));
  });
}

const zero: UsageIncrement = {
  day: "",
  application: "",
  user: "",
  model: "",
  calls: 0,
  refused: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  estimated: 0,
  costMicroUsd: 0,
  unpriced: 0,
};

function increment(changes: Partial<UsageIncrement>): UsageIncrement {
  return { ...zero, day: "2026-01-01", application: "shop", model: "demo/a", ...changes };
}

function total(changes: Partial<UsageIncrement>): UsageIncrement {
  return { ...zero, ...changes };
}

function whole(...by: UsageQuery["by"]): UsageQuery {
  return { by, from: null, to: null };
}
