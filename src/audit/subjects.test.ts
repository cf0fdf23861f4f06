import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { OperatorError } from "../core/operator-error.ts";
import { SecretValue } from "../core/secret-value.ts";
import { DataKeys } from "./data-keys.ts";
import type { KeyWrapper } from "./key-wrapper.ts";
import { MemoryPayloadStore } from "./log-store.test-support.ts";
import type { Subject } from "./payload-store.ts";
import { type LostPayload, Payloads } from "./payloads.ts";
import { SealingKey } from "./sealing-key.ts";
import { checkLookupKey, Subjects } from "./subjects.ts";

const place = { label: "test/wrapped", parts: [] };
const lookupKey = new SecretValue(randomBytes(32));
const clock = { now: () => 1_764_000_000_000 };

function wrapperUnder(kek: Uint8Array, keyId = "kek-1"): KeyWrapper {
  const key = new SealingKey(kek);
  return {
    keyId,
    wrap: (bytes) => key.seal(place, bytes),
    unwrap: (bytes) => key.unseal(place, bytes) ?? assert.fail("unable to authenticate data"),
  };
}

const wrapper = wrapperUnder(randomBytes(32));

/** As after a start: nothing is cached. */
function subjectsOn(store: MemoryPayloadStore, under = wrapper): Subjects {
  return new Subjects({ store, dataKeys: new DataKeys(store, under), lookupKey, clock });
}

async function idOfAda(store: MemoryPayloadStore): Promise<string> {
  return await subjectsOn(store).userId("ada");
}

async function adaAndBob(store: MemoryPayloadStore): Promise<readonly [Subject, Subject]> {
  const subjects = subjectsOn(store);
  const [ada, bob] = [await subjects.userId("ada"), await subjects.userId("bob")];
  const found = [store.subjects.get(ada), store.subjects.get(bob)] as const;
  assert.ok(found[0] !== undefined && found[1] !== undefined);
  return [found[0], found[1]];
}

test("pseudonyms that were exchanged in the database are refused, not mixed up", async () => {
  const store = new MemoryPayloadStore();
  const [ada, bob] = await adaAndBob(store);
  store.subjects.set(ada.id, { ...ada, lookup: bob.lookup });
  store.subjects.set(bob.id, { ...bob, lookup: ada.lookup });
  const subjects = subjectsOn(store);
  for (const name of ["ada", "bob", "ada"]) {
    await assert.rejects(
      async () => subjects.userId(name),
      /found under another's name: the data store was changed/,
    );
  }
  store.subjects.set(ada.id, ada);
  store.subjects.set(bob.id, bob);
  assert.equal(await subjects.userId("ada"), ada.id, "a refusal is not remembered");
});

test("whatever else of a subject was moved to another is refused as well", async () => {
  const store = new MemoryPayloadStore();
  const [ada, bob] = await adaAndBob(store);
  const moved: readonly Partial<Subject>[] = [
    { id: bob.id },
    { kind: "operator" },
    { name: bob.name },
    { wrappedKey: bob.wrappedKey },
    { name: bob.name, wrappedKey: bob.wrappedKey },
    { id: bob.id, name: bob.name, wrappedKey: bob.wrappedKey },
  ];
  for (const change of moved) {
    store.subjects.clear();
    store.subjects.set(ada.id, { ...ada, ...change });
    const refused = await idOfAda(store).catch((fault: Error) => fault.message);
    assert.match(refused, /another subject's|does not decrypt|another's name/, JSON.stringify(change));
  }
});

test("a subject that another process stored first is held against the name too", async () => {
  const store = new MemoryPayloadStore();
  const [ada, bob] = await adaAndBob(store);
  store.subjects.set(bob.id, { ...bob, lookup: ada.lookup });
  store.subjects.delete(ada.id);
  const find = store.subjectByLookup.bind(store);
  store.subjectByLookup = async () => null;
  await assert.rejects(async () => subjectsOn(store).userId("ada"), /another's name/);
  store.subjectByLookup = find;
});

test("a name is looked at once, and then it is known", async () => {
  const store = new MemoryPayloadStore();
  const [ada] = await adaAndBob(store);
  let unwraps = 0;
  const counting: KeyWrapper = {
    ...wrapper,
    unwrap: (bytes) => {
      unwraps += 1;
      return wrapper.unwrap(bytes);
    },
  };
  const subjects = subjectsOn(store, counting);
  for (let time = 0; time < 3; time += 1) assert.equal(await subjects.userId("ada"), ada.id);
  assert.equal(unwraps, 1);
});

test("a data key that was moved to another subject seals nothing for them", async () => {
  const store = new MemoryPayloadStore();
  const [ada, bob] = await adaAndBob(store);
  store.subjects.set(ada.id, { ...ada, wrappedKey: bob.wrappedKey });
  await assert.rejects(new DataKeys(store, wrapper).of(ada.id), /is another subject's/);
});

test("under another key-encryption key nobody is found, and lost payload says why without telling it", async () => {
  const store = new MemoryPayloadStore();
  const [ada] = await adaAndBob(store);
  for (const [keyId, why] of [
    ["kek-2", /wrapped under `kek-1`, not `kek-2`/],
    ["kek-1", /does not open under `kek-1`/],
  ] as const) {
    const wrong = wrapperUnder(randomBytes(32), keyId);
    await assert.rejects(async () => subjectsOn(store, wrong).userId("ada"), why);
    const lost: LostPayload[] = [];
    const dataKeys = new DataKeys(store, wrong);
    const payloads = new Payloads({ store, dataKeys, onLost: (loss) => void lost.push(loss) });
    payloads.keep("entry_1", ada.id, { request: Buffer.from("personal") });
    await payloads.flush();
    assert.deepEqual(
      lost.map(({ reason }) => reason),
      ["store_failed"],
    );
    assert.match(lost[0]?.error?.message ?? "", why);
    assert.doesNotMatch(lost[0]?.error?.message ?? "", /personal/);
  }
});

test("a lookup key that was swapped is noticed at start, and what it is checked against is made once", async () => {
  const store = new MemoryPayloadStore();
  const where = "`keys/subject-lookup.key`";
  const refusal = async (key: SecretValue, mayCreate: boolean): Promise<string> => {
    const fault: unknown = await checkLookupKey(store, key, where, mayCreate).catch((thrown) => thrown);
    assert.ok(fault instanceof OperatorError, String(fault));
    return fault.message;
  };
  assert.match(await refusal(lookupKey, false), /lost what .*subject-lookup\.key.* restore the data store/);
  assert.equal(store.keyChecks.size, 0);
  await checkLookupKey(store, lookupKey, where, true);
  await checkLookupKey(store, lookupKey, where, true);
  await checkLookupKey(store, lookupKey, where, false);
  for (const mayCreate of [true, false]) {
    assert.match(
      await refusal(new SecretValue(randomBytes(32)), mayCreate),
      /`keys\/subject-lookup\.key` is not the one .* put that one back/,
    );
  }
});
