import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SecretValue } from "../core/secret-value.ts";
import { openOperatorGuard } from "./operator-guard.ts";
import { MemoryOperatorStore } from "./operator-store.test-support.ts";
import type { KeptOperatorToken } from "./operator-store.ts";
import { hashOperatorToken, newOperatorToken } from "./operator-token.ts";
import { type Invitation, Operators } from "./operators.ts";

const owner = "owner@localhost";
const macKey = new SecretValue(Buffer.alloc(32, 7));

function bench(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-operators-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const store = new MemoryOperatorStore();
  const clock = { now: 1_000_000 };
  const damaged: string[] = [];
  /** As the erasable store has them. */
  const names = new Map<string, string>();
  const recorded: string[] = [];
  const note = (kind: string) => (token: { readonly person: string }, actor: string) => {
    recorded.push(`${kind} ${token.person} by ${actor}`);
    return { id: "", leaf: new Uint8Array(), salt: null };
  };
  const ends = join(folder, "operator-token-ends.json");
  /** As at each start of a gateway. */
  const start = async (key = macKey): Promise<Operators> =>
    Operators.open({
      store,
      names: {
        idOf: (name) => {
          names.set(`sub_${name}`, name);
          return `sub_${name}`;
        },
        nameOf: async (id) => names.get(id) ?? null,
      },
      events: { invited: note("invited"), removed: note("removed") },
      protection: { guard: await openOperatorGuard(key, ends), onDamaged: ({ id }) => damaged.push(id) },
      now: () => clock.now,
    });
  return { store, clock, damaged, names, recorded, start };
}

async function invited(
  operators: Operators,
  name: string,
  lifetimeMs: number | null = null,
): Promise<Invitation> {
  const invitation = await operators.invite(name, lifetimeMs, owner);
  assert.ok(invitation.ok);
  return invitation.value;
}

test("a person is known by the token of the invitation, which is kept as a hash only", async (t) => {
  const { store, recorded, start } = bench(t);
  const operators = await start();
  const { token, operator } = await invited(operators, "ana@example.com");
  assert.match(token, /^pco_[\w-]{43}$/);
  assert.ok(token.startsWith(operator.hint));
  assert.ok(!JSON.stringify(store.rows).includes(token));
  assert.ok(!JSON.stringify(store.rows[0]?.hash).includes(token));
  for (const known of [operators, await start()]) {
    assert.deepEqual(await known.withToken(token), { name: "ana@example.com", method: "token" });
    assert.equal(await known.withToken(newOperatorToken()), null);
    assert.equal(known.isEnrolled("sub_ana@example.com"), true);
    assert.equal(known.isEnrolled("sub_ben@example.com"), false);
  }
  assert.deepEqual(recorded, ["invited sub_ana@example.com by sub_owner@localhost"]);
});

test("a person is one person however the address is written", async (t) => {
  const { start } = bench(t);
  const operators = await start();
  const first = await invited(operators, "Ana@Example.com");
  assert.equal(first.operator.name, "ana@example.com");
  // In full width, and with space around it.
  const second = await invited(operators, " ａｎａ@EXAMPLE.COM ");
  assert.equal(await operators.withToken(first.token), null);
  assert.deepEqual(await operators.withToken(second.token), { name: "ana@example.com", method: "token" });
  assert.equal((await operators.list()).length, 1);
  assert.ok((await operators.remove("ANA@example.com", owner)).ok);
});

test("what is no address, or stands for the gateway's own token, cannot be invited", async (t) => {
  const { store, start } = bench(t);
  const operators = await start();
  for (const [name, reason] of [
    ["", "no_address"],
    ["ana", "no_address"],
    ["group:finance", "no_address"],
    ["group:finance@example.com", "no_address"],
    ["ana@example.com,ben@example.com", "no_address"],
    ["ana smith@example.com", "no_address"],
    ["ana\u202e@example.com", "no_address"],
    ["an\u200ba@example.com", "no_address"],
    ["ana\0@example.com", "no_address"],
    [`${"a".repeat(250)}@x.com`, "no_address"],
    ["owner@localhost", "of_the_file"],
    ["Owner@LOCALHOST", "of_the_file"],
  ] as const) {
    assert.deepEqual(await operators.invite(name, null, owner), { ok: false, failure: { reason, name } });
  }
  assert.deepEqual([store.rows, store.ended], [[], null]);
});

test("an invitation of somebody enrolled ends the token before, and a removal the last", async (t) => {
  const { store, recorded, start, clock } = bench(t);
  const operators = await start();
  const first = await invited(operators, "ana@example.com");
  const before = store.rows;
  clock.now += 1;
  const second = await invited(operators, "ana@example.com");
  const between = store.rows;
  assert.equal(await operators.withToken(first.token), null);
  assert.notEqual(await operators.withToken(second.token), null);
  assert.deepEqual(
    (await operators.list()).map(({ serial, name }) => ({ serial, name })),
    [{ serial: 2, name: "ana@example.com" }],
  );
  const removed = await operators.remove("ana@example.com", owner);
  assert.ok(removed.ok && removed.value.revokedAt === clock.now);
  assert.equal(operators.isEnrolled("sub_ana@example.com"), false);
  const unknown = { ok: false, failure: { reason: "unknown_operator", name: "ana@example.com" } };
  assert.deepEqual(await operators.remove("ana@example.com", owner), unknown);
  assert.equal(recorded.length, 3);

  // Neither comes back with an older row, MAC and all.
  for (const rows of [before, between]) {
    store.rows = rows;
    for (const again of [operators, await start()]) {
      await again.refresh();
      assert.deepEqual(
        [await again.withToken(first.token), await again.withToken(second.token)],
        [null, null],
      );
      assert.equal(again.isEnrolled("sub_ana@example.com"), false);
    }
  }
  // And an invitation goes past rows that were put back.
  const third = await invited(await start(), "ana@example.com");
  assert.equal(third.operator.serial, 3);
});

test("a token ends when it expires, and enrolment does not", async (t) => {
  const { start, clock } = bench(t);
  const operators = await start();
  const { token, operator } = await invited(operators, "ana@example.com", 5_000);
  assert.equal(operator.expiresAt, clock.now + 5_000);
  clock.now += 4_999;
  assert.notEqual(await operators.withToken(token), null);
  clock.now += 1;
  assert.equal(await operators.withToken(token), null);
  assert.equal(operators.isEnrolled("sub_ana@example.com"), true);
  assert.ok((await operators.remove("ana@example.com", owner)).ok);
});

test("a row that somebody wrote or changed opens nothing, is told of once and listed as damaged", async (t) => {
  const { store, start, damaged } = bench(t);
  const { token } = await invited(await start(), "ana@example.com");
  const [row] = store.rows;
  assert.ok(row !== undefined);
  const added = newOperatorToken();
  const changes: readonly Partial<KeptOperatorToken>[] = [
    { person: "sub_ben@example.com" },
    { serial: 9 },
    { hint: "pco_other" },
    { createdAt: 1 },
    { createdBy: "sub_x" },
    { expiresAt: 9e12 },
    { revokedAt: 1 },
    { hash: hashOperatorToken(added) },
    { id: "op_other" },
    { mac: "" },
  ];
  for (const change of changes) {
    store.rows = [{ ...row, ...change }];
    const operators = await start();
    for (const one of [token, added])
      assert.equal(await operators.withToken(one), null, JSON.stringify(change));
    assert.equal(operators.isEnrolled(row.person), false);
    assert.deepEqual(
      (await operators.list()).map((one) => one.damaged),
      [true],
    );
    assert.deepEqual(damaged.splice(0), [store.rows[0]?.id]);
  }
  store.rows = [{ ...row, hint: "pco_other" }];
  const operators = await start();
  const failure = { reason: "damaged", name: "ana@example.com" };
  assert.deepEqual(await operators.remove("ana@example.com", owner), { ok: false, failure });
  const anew = await invited(operators, "ana@example.com");
  assert.notEqual(await operators.withToken(anew.token), null);
  assert.equal((await operators.list()).length, 2, "the damaged row stays to be seen");
  assert.equal(await (await start(new SecretValue(Buffer.alloc(32)))).withToken(anew.token), null);
});

test("whose name was erased is nobody, at once", async (t) => {
  const { names, start } = bench(t);
  const operators = await start();
  const { token } = await invited(operators, "ana@example.com");
  names.delete("sub_ana@example.com");
  assert.equal(await operators.withToken(token), null);
  assert.deepEqual(
    (await operators.list()).map(({ name }) => name),
    [null],
  );
});

test("of two gateways that invite a person at once the last one's token is the person's", async (t) => {
  const { store, start } = bench(t);
  const [one, other] = [await start(), await start()];
  let rival: Invitation | null = null;
  store.beforeChange = async () => {
    store.beforeChange = () => {};
    rival = await invited(other, "ana@example.com");
  };
  const { token, operator } = await invited(one, "ana@example.com");
  assert.equal(operator.serial, 2);
  await other.refresh();
  for (const gateway of [one, other]) {
    assert.notEqual(await gateway.withToken(token), null);
    assert.equal(await gateway.withToken(Object(rival).token), null);
  }
});

test("a removal holds also when the person is invited again between reading and ending the token", async (t) => {
  const { store, start } = bench(t);
  const [one, other] = [await start(), await start()];
  await invited(one, "ana@example.com");
  let again = "";
  store.beforeChange = async () => {
    store.beforeChange = () => {};
    again = (await invited(other, "ana@example.com")).token;
  };
  assert.ok((await one.remove("ana@example.com", owner)).ok);
  await other.refresh();
  assert.equal(await other.withToken(again), null);

  // Those who never get their turn are told so, and nothing has happened to them.
  await invited(one, "ben@example.com");
  store.beforeChange = () => {
    for (const row of store.rows) store.edit(row.id, { mac: "changed" });
  };
  const result = await one.remove("ben@example.com", owner);
  assert.ok(!result.ok && ["damaged", "raced"].includes(result.failure.reason));
});
