import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { openCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import {
  cosign,
  cosignaturesOn,
  type WitnessSigner,
  witnessSigner,
} from "portcullis-verify/log/cosignature.ts";
import { parseNote } from "portcullis-verify/log/signed-note.ts";
import { parseWitnessRequest } from "portcullis-verify/log/witness-request.ts";
import { OperatorError } from "../../core/operator-error.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import { type LogState, MemoryLogStore } from "../log-store.test-support.ts";
import { LogUnavailableError } from "../log-store.ts";
import { completed, decided, record, testSigner, trailBench } from "../trail.test-support.ts";
import type { Trail } from "../trail.ts";
import type { TrailFault } from "../trail-faults.ts";
import type { WitnessConnection, WitnessReply } from "./witness-connection.ts";
import { quorumOf } from "./witness-policy.ts";
import { Witnessing } from "./witnessing.ts";

/** Answers as it is told to; what it knows of the log is the size that it says. */
class ScriptedWitness implements WitnessConnection {
  readonly signer: WitnessSigner;
  readonly asked: { readonly oldSize: number; readonly size: number }[] = [];
  size = 0;
  mostAtOnce = 0;
  closed = false;
  /** What it answers in place of what a witness would. */
  instead: ((size: number) => Promise<Result<WitnessReply, string>> | Result<WitnessReply, string>) | null =
    null;
  #atOnce = 0;

  constructor(name: string) {
    this.signer = witnessSigner(name, Buffer.alloc(32, name));
  }

  async addCheckpoint(body: string): Promise<Result<WitnessReply, string>> {
    const request = parseWitnessRequest(body);
    assert.ok(request.ok);
    const { oldSize, note } = request.value;
    const checkpoint = openCheckpoint(note, testSigner);
    assert.ok(checkpoint.ok);
    const { size } = checkpoint.value;
    this.asked.push({ oldSize, size });
    this.#atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
    try {
      await nextTurn();
      return this.instead === null ? this.#answer(oldSize, size, note) : await this.instead(size);
    } finally {
      this.#atOnce -= 1;
    }
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  #answer(oldSize: number, size: number, note: string): Result<WitnessReply, string> {
    if (oldSize !== this.size)
      return ok({ status: 409, contentType: "text/x.tlog.size", body: `${this.size}\n` });
    this.size = size;
    const parsed = parseNote(note);
    assert.ok(parsed.ok);
    return ok({
      status: 200,
      contentType: "text/plain",
      body: cosign(this.signer, parsed.value.text, 1_000_000),
    });
  }
}

interface Bench {
  readonly state: LogState;
  readonly faults: readonly TrailFault[];
  readonly witnesses: readonly ScriptedWitness[];
  readonly troubles: (string | null)[];
  readonly uptime: { ms: number };
  readonly open: () => Promise<Trail>;
  readonly witnessing: () => Witnessing;
}

function bench(t: TestContext, quorum: number, ...names: readonly string[]): Bench {
  const trail = trailBench(t);
  const witnesses = names.map((name) => new ScriptedWitness(name));
  const troubles: (string | null)[] = [];
  const uptime = { ms: 0 };
  let current: Witnessing | null = null;
  return {
    state: trail.state,
    faults: trail.faults,
    witnesses,
    troubles,
    uptime,
    witnessing: () => {
      assert.ok(current !== null);
      return current;
    },
    open: () => {
      const store = new MemoryLogStore(trail.state);
      current = new Witnessing({
        store,
        witnesses: witnesses.map((connection) => ({ verifier: connection.signer, connection })),
        quorum: quorumOf(
          quorum,
          witnesses.map(({ signer }) => signer),
        ),
        uptimeMs: () => uptime.ms,
        onTrouble: (_witness, why) => troubles.push(why),
      });
      return trail.open({ store, witnesses: current });
    },
  };
}

/** Gives whatever is under way its turns. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) await nextTurn();
}

function cosigners(note: string, witnesses: readonly ScriptedWitness[]): number {
  const found = cosignaturesOn(
    note,
    witnesses.map(({ signer }) => signer),
  );
  assert.ok(found.ok);
  return found.value.length;
}

describe("a trail with witnesses", () => {
  it("gives out the newest checkpoint that enough have cosigned, and signs on while they have not", async (t) => {
    const { open, witnesses, state } = bench(t, 2, "one", "two", "three");
    const [one, two, three] = witnesses;
    assert.ok(one !== undefined && two !== undefined && three !== undefined);
    three.instead = () => fail("it cannot be reached");
    const trail = await open();
    await settled();
    const first = trail.published;
    assert.equal(first?.size, trail.checkpoint?.size);
    assert.equal(cosigners(first?.note ?? "", witnesses), 2);
    two.instead = () => fail("it cannot be reached");
    await record(trail, decided("call_1"), completed("call_1"));
    const signed = await trail.publishCheckpoint();
    await settled();
    assert.equal(signed.size, (first?.size ?? 0) + 2);
    assert.equal(trail.published?.size, first?.size);
    assert.equal(trail.available, true);
    assert.equal(state.checkpoints.at(-1)?.size, signed.size);
    assert.equal(cosigners(state.checkpoints.at(-1)?.note ?? "", witnesses), 1, "what there is, is kept");
  });

  it("asks each for one at a time, and of several that are slow all for the same", async (t) => {
    const { open, witnesses, uptime } = bench(t, 2, "one", "two");
    const [one, two] = witnesses;
    assert.ok(one !== undefined && two !== undefined);
    const trail = await open();
    await settled();
    const slow = Promise.withResolvers<void>();
    two.instead = async (size) => {
      await slow.promise;
      two.instead = null;
      two.size = size - 1;
      return ok({ status: 409, contentType: "text/x.tlog.size", body: `${two.size}\n` });
    };
    for (let call = 0; call < 5; call += 1) {
      await record(trail, decided(`call_${call}`), completed(`call_${call}`));
      await trail.publishCheckpoint();
      await settled();
      uptime.ms += 800;
    }
    const last = one.asked.at(-1)?.size;
    assert.equal(two.asked.at(-1)?.size, last, "the one that is quick does not go ahead");
    slow.resolve();
    await settled();
    assert.equal(trail.published?.size, trail.checkpoint?.size, "and then both go on to the newest");
    assert.deepEqual([one.mostAtOnce, two.mostAtOnce], [1, 1]);
  });

  it("leaves one alone that fails, longer each time, and says so once", async (t) => {
    const { open, witnesses, troubles, uptime } = bench(t, 1, "one");
    const [one] = witnesses;
    assert.ok(one !== undefined);
    one.instead = () => ok({ status: 500, contentType: "text/plain", body: "no\nmore" });
    const trail = await open();
    const asked: number[] = [];
    for (let second = 0; second < 60; second += 1) {
      await trail.publishCheckpoint();
      await settled();
      asked.push(one.asked.length);
      uptime.ms += 1_000;
    }
    assert.ok((asked.at(-1) ?? 0) < 9, `${asked}`);
    assert.deepEqual(troubles, ["it answered 500: no"]);
    one.instead = null;
    uptime.ms += 60_000;
    await trail.publishCheckpoint();
    await settled();
    assert.equal(trail.published?.size, trail.checkpoint?.size);
    assert.deepEqual(troubles, ["it answered 500: no", null]);
  });

  it("takes no answer for a cosignature that is none", async (t) => {
    for (const reply of [
      { status: 200, contentType: "text/plain", body: "" },
      { status: 200, contentType: "text/plain", body: "hello\n" },
      {
        status: 200,
        contentType: "text/plain",
        body: cosign(witnessSigner("else", Buffer.alloc(32, 1)), "x\n", 1),
      },
      {
        status: 200,
        contentType: "text/plain",
        body: cosign(witnessSigner("one", Buffer.alloc(32, "one")), "x\n", 1),
      },
      { status: 409, contentType: "text/plain", body: "1\n" },
      { status: 409, contentType: "text/x.tlog.size", body: "1" },
      { status: 409, contentType: "text/x.tlog.size", body: "0\n" },
      { status: 302, contentType: "text/plain", body: "" },
    ]) {
      const { open, witnesses } = bench(t, 1, "one");
      const [one] = witnesses;
      assert.ok(one !== undefined);
      one.instead = () => ok(reply);
      const trail = await open();
      await record(trail, decided("call_1"), completed("call_1"));
      await trail.publishCheckpoint();
      await settled();
      assert.equal(trail.published, null, JSON.stringify(reply));
      assert.equal(trail.available, true);
    }
  });

  it("closes when enough have cosigned the last checkpoint, and soon when they do not", async (t) => {
    const { open, witnesses, witnessing, state } = bench(t, 2, "one", "two");
    const trail = await open();
    await trail.close();
    assert.equal(witnessing().published?.size, state.entries.length);
    assert.ok(witnesses.every(({ closed }) => closed));
    const again = bench(t, 1, "one");
    const [one] = again.witnesses;
    assert.ok(one !== undefined);
    one.instead = () => fail("it cannot be reached");
    await (await again.open()).close();
    assert.ok(one.closed);
  });

  it("finds what was cosigned before a restart", async (t) => {
    const { open, witnesses } = bench(t, 1, "one");
    const [one] = witnesses;
    assert.ok(one !== undefined);
    const first = await open();
    await first.close();
    const size = first.published?.size;
    one.instead = () => fail("it cannot be reached");
    const second = await open();
    assert.ok(size !== undefined && second.published?.size === size);
    assert.ok(size < (second.checkpoint?.size ?? 0));
  });
});

describe("a witness that has seen another log under this key", () => {
  it("hinders a start where it has seen more, before anything is recorded", async (t) => {
    const { open, witnesses, state } = bench(t, 1, "one");
    const [one] = witnesses;
    assert.ok(one !== undefined);
    await (await open()).close();
    const { length } = state.entries;
    one.size = length + 1;
    await assert.rejects(open(), (fault: unknown) => {
      assert.ok(fault instanceof OperatorError);
      assert.match(fault.message, /`one` contradicts the data store: it has cosigned \d+ entries.*Restore/);
      return true;
    });
    assert.equal(state.entries.length, length);
  });

  it("hinders the first start of a log that was begun before", async (t) => {
    const { open, witnesses, state } = bench(t, 1, "one");
    const [one] = witnesses;
    assert.ok(one !== undefined);
    one.size = 7;
    await assert.rejects(open(), /has cosigned 7 entries of this log, and the data store has 0/);
    assert.deepEqual(one.asked[0], { oldSize: 0, size: 0 });
    assert.equal(state.entries.length, 0);
  });

  it("ends signing and recording while it runs, when it has seen more or others", async (t) => {
    for (const seen of ["more", "others"] as const) {
      const { open, witnesses, faults } = bench(t, 1, "one");
      const [one] = witnesses;
      assert.ok(one !== undefined);
      const trail = await open();
      await settled();
      const at = one.size;
      one.instead = () =>
        seen === "more"
          ? ok({ status: 409, contentType: "text/x.tlog.size", body: "1000\n" })
          : one.asked.at(-1)?.oldSize === at
            ? ok({ status: 422, contentType: "text/plain", body: "no\n" })
            : ok({ status: 409, contentType: "text/x.tlog.size", body: `${at}\n` });
      await record(trail, decided("call_1"), completed("call_1"));
      await trail.publishCheckpoint();
      await settled();
      await assert.rejects(trail.publishCheckpoint(), LogUnavailableError);
      assert.equal(trail.available, false);
      await assert.rejects(record(trail, decided("call_2")), /contradicts the data store/);
      assert.equal(faults.at(-1)?.ends, true);
      assert.equal(one.asked.length, seen === "more" ? 4 : 5, "it is asked once more before it is believed");
    }
  });

  it("is not believed for one answer", async (t) => {
    const { open, witnesses } = bench(t, 1, "one");
    const [one] = witnesses;
    assert.ok(one !== undefined);
    const trail = await open();
    await settled();
    one.instead = () => {
      one.instead = null;
      return ok({ status: 409, contentType: "text/x.tlog.size", body: "1000\n" });
    };
    await record(trail, decided("call_1"), completed("call_1"));
    await trail.publishCheckpoint();
    await settled();
    assert.equal((await trail.publishCheckpoint()).size, trail.published?.size);
  });

  it("is asked again when the proof is what is wrong", async (t) => {
    const { open, witnesses, state, troubles } = bench(t, 1, "one");
    const [one] = witnesses;
    assert.ok(one !== undefined);
    const trail = await open();
    await settled();
    // The stored leaves are damaged below what is hashed from memory.
    const [first] = state.entries;
    assert.ok(first !== undefined);
    first.leaf[3] = (first.leaf[3] ?? 0) ^ 1;
    one.instead = () => ok({ status: 422, contentType: "text/plain", body: "no\n" });
    await record(trail, decided("call_1"), completed("call_1"));
    await trail.publishCheckpoint();
    await settled();
    assert.match(String(troubles.at(-1)), /does not prove itself/);
    assert.equal(trail.available, true);
  });
});
