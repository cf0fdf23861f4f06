import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { diskFull, MemoryLogStore } from "./log-store.test-support.ts";
import { actionDecided, completed, decided, leavesOf, record, trailBench } from "./trail.test-support.ts";

describe("recovery", () => {
  it("completes what a killed gateway left open, once, and leaves the rest alone", async (t) => {
    const bench = trailBench(t);
    const killed = await bench.open();
    await record(killed, decided("call_done"), completed("call_done"));
    await record(killed, decided("call_open", { user: "sub_9" }), actionDecided("call_open"));
    await record(killed, decided("call_fallback", { target: "a/one" }));
    await record(killed, decided("call_fallback", { dispatch: 2, target: "b/two", decision: "deny" }));

    const restarted = await bench.open({ instance: "inst_2" });
    assert.deepEqual([...restarted.recovery.completed].sort(), ["call_fallback", "call_open"]);
    const completions = leavesOf(bench.state).filter((leaf) => leaf["outcome"] === "unknown");
    assert.deepEqual(
      completions.map((leaf) => [
        leaf["call"],
        leaf["target"],
        leaf["dispatches"],
        leaf["user"],
        leaf["stream"],
      ]),
      [
        ["call_open", "demo/parrot", 1, "sub_9", true],
        ["call_fallback", "a/one", 1, "sub_1", true],
      ],
    );
    assert.deepEqual(completions[0]?.["actor"], { kind: "gateway", id: "inst_2" });

    const again = await bench.open({ instance: "inst_3" });
    assert.deepEqual(again.recovery.completed, []);
    assert.equal(bench.state.openFrom, bench.state.entries.length);
  });

  it("says of a call that was answered from what waited that nothing of it was sent", async (t) => {
    const bench = trailBench(t);
    const killed = await bench.open();
    await record(killed, decided("call_retry", { hold: "hold_1" }));
    await bench.open({ instance: "inst_2" });
    const [completion] = leavesOf(bench.state).filter((leaf) => leaf["outcome"] === "unknown");
    assert.deepEqual([completion?.["dispatches"], completion?.["target"]], [0, null]);
  });

  it("finishes the work of a recovery that was killed half way", async (t) => {
    const bench = trailBench(t);
    const killed = await bench.open();
    for (let call = 0; call < 250; call += 1) await record(killed, decided(`call_${call}`));
    class Dies extends MemoryLogStore {
      override async append(entries: Parameters<MemoryLogStore["append"]>[0]) {
        if (this.state.entries.length > 400) throw diskFull;
        return super.append(entries);
      }
    }
    await assert.rejects(bench.open({ store: new Dies(bench.state) }), diskFull);
    const between = leavesOf(bench.state).filter((leaf) => leaf["type"] === "call.completed").length;
    assert.equal(between, 200);
    const restarted = await bench.open();
    assert.equal(restarted.recovery.completed.length, 50);
    const all = leavesOf(bench.state).filter((leaf) => leaf["type"] === "call.completed");
    assert.equal(new Set(all.map((leaf) => leaf["call"])).size, 250);
    assert.equal(all.length, 250);
  });

  it("reads on from `openFrom` only", async (t) => {
    const bench = trailBench(t);
    const first = await bench.open();
    for (let call = 0; call < 50; call += 1)
      await record(first, decided(`call_${call}`), completed(`call_${call}`));
    await first.close();
    assert.equal((await bench.open()).recovery.scanned, 0);
  });
});
