// The guarantees of OperatorStore: a change and its entry are one, of two that contradict each other one happens, and what
// ended the vote of a gateway's own token stays.

import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { describe, test } from "node:test";
import { FencedError } from "../../audit/log-store.ts";
import { uuidv7 } from "../../core/id.ts";
import type { KeptOperatorToken, OperatorTokenEnd } from "../../identity/operator-store.ts";
import { assertLogHolds, type OpenStorage, withStorage } from "./driver.ts";
import { entries, entry } from "./samples.ts";

export function describeOperatorContract(open: OpenStorage): void {
  describe("operators' tokens", () => {
    describeInvitations(open);
    describeRemovals(open);
  });
  describe("the vote of a gateway's own token", () => describeBootstrapVote(open));
}

function describeInvitations(open: OpenStorage): void {
  test("are listed oldest first, as they were made", () =>
    withStorage(open, async ({ operators, log }, opened) => {
      const [older, newer] = [token({ createdAt: 1 }), token({ createdAt: 2, expiresAt: 9, revokedAt: 8 })];
      const recorded = entries(2);
      assert.equal(await operators.invite(newer, [], recorded[0] ?? entry()), true);
      assert.equal(await operators.invite(older, [], recorded[1] ?? entry()), true);
      await assertLogHolds(log, recorded);
      assert.deepEqual(await (await opened.reopen()).operators.list(), [older, newer]);
    }));

  test("are made by one of those who invite a person at once", () =>
    withStorage(open, async ({ operators, log }, opened) => {
      const stores = [operators, operators, (await opened.rival()).operators];
      const attempts = stores.map((store, at) => ({
        store,
        made: token({ person: "sub_a", createdAt: at }),
      }));
      const settled = await Promise.allSettled(
        attempts.map(({ store, made }) => store.invite(made, [], entry())),
      );
      const won = attempts.filter((_, at) => {
        const one = settled[at];
        return one?.status === "fulfilled" && one.value;
      });
      assert.deepEqual(
        await operators.list(),
        won.map(({ made }) => made),
      );
      assert.equal(won.length, 1);
      assert.equal((await log.head()).size, 1);
    }));

  test("take the place of those before, in one transaction with their end", () =>
    withStorage(open, async ({ operators, log }) => {
      const [first, other] = [
        token({ person: "sub_a", createdAt: 1 }),
        token({ person: "sub_b", createdAt: 2 }),
      ];
      for (const one of [first, other]) await operators.invite(one, [], entry());
      const second = token({ person: "sub_a", serial: 2, createdAt: 3 });
      // A serial that is taken: nothing happens, to the token before neither.
      const taken = token({ person: "sub_a", serial: 1 });
      assert.equal(await operators.invite(taken, [endOf(first)], entry()), false);
      assert.deepEqual(await operators.list(), [first, other]);
      assert.equal(await operators.invite(second, [endOf(first)], entry()), true);
      assert.deepEqual(await operators.list(), [{ ...first, revokedAt: 7, mac: "after" }, other, second]);
      assert.equal((await log.head()).size, 3);
    }));

  test("leave one before as it is that was changed meanwhile", () =>
    withStorage(open, async ({ operators }) => {
      const first = token({ person: "sub_a", createdAt: 1, revokedAt: 5 });
      await operators.invite(first, [], entry());
      const second = token({ person: "sub_a", serial: 2, createdAt: 2 });
      assert.equal(await operators.invite(second, [endOf(first)], entry()), true);
      const third = token({ person: "sub_a", serial: 3, createdAt: 3 });
      assert.equal(await operators.invite(third, [{ ...endOf(second), from: "before" }], entry()), true);
      assert.deepEqual(await operators.list(), [first, second, third]);
    }));

  test("are not made of a token that there is, and then nothing is on record", () =>
    withStorage(open, async ({ operators, log }) => {
      const [made, recorded] = [token(), entry()];
      await operators.invite(made, [], recorded);
      await assert.rejects(operators.invite(token({ hash: made.hash }), [], entry()));
      await assert.rejects(operators.invite({ ...token(), id: made.id }, [], entry()));
      assert.deepEqual(await operators.list(), [made]);
      await assertLogHolds(log, [recorded]);
    }));
}

function describeRemovals(open: OpenStorage): void {
  test("are ended once, by one of those who race for it", () =>
    withStorage(open, async ({ operators, log }) => {
      const made = token();
      await operators.invite(made, [], entry());
      const raced = await Promise.all(
        [1, 2, 3].map((at) => operators.remove({ ...endOf(made), at }, entry())),
      );
      assert.equal(raced.filter((won) => won).length, 1);
      const removed = { ...made, revokedAt: raced.indexOf(true) + 1, mac: "after" };
      assert.deepEqual(await operators.list(), [removed]);
      for (const none of [endOf(removed), endOf(token())])
        assert.equal(await operators.remove(none, entry()), false);
      assert.equal((await log.head()).size, 2);
    }));

  test("are ended only as they were read: what was changed meanwhile stays, and nothing is on record", () =>
    withStorage(open, async ({ operators, log }) => {
      const [made, recorded] = [token(), entry()];
      await operators.invite(made, [], recorded);
      assert.equal(await operators.remove({ ...endOf(made), from: "before" }, entry()), false);
      assert.deepEqual(await operators.list(), [made]);
      await assertLogHolds(log, [recorded]);
    }));
}

function describeBootstrapVote(open: OpenStorage): void {
  test("has not ended in a new log, ends once, and for the first reason", () =>
    withStorage(open, async ({ operators, log }, opened) => {
      assert.equal(await operators.bootstrapEnd(), null);
      await Promise.all([operators.endBootstrap("provider_used"), operators.endBootstrap("provider_used")]);
      await operators.endBootstrap("operator_invited");
      assert.equal(await operators.bootstrapEnd(), "provider_used");
      assert.equal((await log.head()).size, 0);
      assert.equal(await (await opened.reopen()).operators.bootstrapEnd(), "provider_used");
    }));

  test("ends with the first invitation that happens, and does not come back with a removal", () =>
    withStorage(open, async ({ operators }) => {
      const made = token();
      await operators.invite(made, [], entry());
      assert.equal(await operators.bootstrapEnd(), "operator_invited");
      await operators.remove(endOf(made), entry());
      assert.equal(await operators.bootstrapEnd(), "operator_invited");
    }));

  test("is not ended, and nobody invited or removed, by a gateway that was taken over from", () =>
    withStorage(open, async ({ operators, log }, opened) => {
      const [made, recorded] = [token(), entry()];
      await operators.invite(made, [], recorded);
      await opened.replace(await opened.rival(), "inst_2");
      for (const change of [
        operators.invite(token(), [], entry()),
        operators.remove(endOf(made), entry()),
        operators.endBootstrap("provider_used"),
      ]) {
        await assert.rejects(change, FencedError);
      }
      assert.deepEqual(await operators.list(), [made]);
      await assertLogHolds(log, [recorded]);
    }));
}

function token(changes: Partial<KeptOperatorToken> = {}): KeptOperatorToken {
  const id = `op_${uuidv7(Date.now())}`;
  return {
    id,
    person: `sub_of_${id}`,
    serial: 1,
    hash: hash("sha256", id),
    hint: "pco_abcdef",
    createdAt: 1_700_000_000_000,
    createdBy: "sub_owner",
    expiresAt: null,
    revokedAt: null,
    mac: hash("sha256", `mac of ${id}`),
    ...changes,
  };
}

function endOf(made: KeptOperatorToken): OperatorTokenEnd {
  return { id: made.id, at: 7, from: made.mac, to: "after" };
}
