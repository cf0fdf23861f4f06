import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import { OperatorError } from "../core/operator-error.ts";
import { completed, decided, leavesOf, record, type TrailBench, trailBench } from "./trail.test-support.ts";

// Less than a year, because the ids of one process never go back, and a reader takes none that is further ahead.
const ahead = 300 * 86_400_000;
const wrong = "2027-09-19T00:00:00.000Z";

/** A trail on which a clock that was ahead left an open call. */
async function recordedAhead(bench: TrailBench): Promise<void> {
  bench.clock.time += ahead;
  const trail = await bench.open();
  await record(trail, decided("call_1"));
  bench.clock.time -= ahead;
}

describe("the trail's clock", () => {
  it("stands still while it is a little behind, and goes on by itself", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    bench.clock.time -= 60_000;
    assert.equal(trail.available, true);
    await record(trail, decided("call_1"), completed("call_1"));
    assert.equal(leavesOf(bench.state).at(-1)?.["time"], "2026-11-23T00:00:00.000Z");
  });

  it("lets nothing be recorded while it is far behind, says so once, and recovers without a restart", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const bench = trailBench(t);
    const trail = await bench.open();
    trail.startCheckpoints(1);
    bench.clock.time -= 60_001;
    assert.equal(trail.available, false);
    await assert.rejects(record(trail, decided("call_1")), /the clock is more than 60 s behind/);
    t.mock.timers.tick(3);
    assert.deepEqual(
      bench.faults.map(({ during, ends }) => [during, ends]),
      [["clock", false]],
    );
    bench.clock.time += 60_001;
    assert.equal(trail.available, true);
    await record(trail, decided("call_1"), completed("call_1"));
    await trail.close();
  });

  it("that was ahead when entries were made keeps the gateway from starting, with words that say how to go on", async (t) => {
    const bench = trailBench(t);
    await recordedAhead(bench);
    const size = bench.state.entries.length;
    await assert.rejects(bench.open(), (error) => {
      assert.ok(error instanceof OperatorError);
      assert.match(error.message, new RegExp(`PORTCULLIS_ACCEPT_CLOCK=${wrong}`));
      return true;
    });
    await assert.rejects(bench.open({ acceptedClock: "2027-09-19T00:00:00.001Z" }), OperatorError);
    assert.equal(bench.state.entries.length, size);
  });

  it("counts anew once an operator says so, on record, behind the ends of the calls from before", async (t) => {
    const bench = trailBench(t);
    await recordedAhead(bench);
    const trail = await bench.open({ acceptedClock: wrong });
    await record(trail, decided("call_2"), completed("call_2"));
    await trail.close();
    assert.deepEqual(
      leavesOf(bench.state)
        .slice(3)
        .map((leaf) => [leaf["type"], leaf["time"], leaf["previous"]]),
      [
        ["log.opened", wrong, undefined],
        ["call.completed", wrong, undefined],
        ["log.clock_reset", "2026-11-23T00:00:00.000Z", wrong],
        ["call.decided", "2026-11-23T00:00:00.000Z", undefined],
        ["call.completed", "2026-11-23T00:00:00.000Z", undefined],
        ["log.closed", "2026-11-23T00:00:00.000Z", undefined],
      ],
    );
    for (const { leaf } of bench.state.entries) assert.ok(parseLeaf(leaf).ok, Buffer.from(leaf).toString());
    // It is not asked for again, and what was said then is of no use later.
    await (await bench.open({ acceptedClock: wrong })).close();
    await (await bench.open()).close();
    assert.equal(leavesOf(bench.state).filter((leaf) => leaf["type"] === "log.clock_reset").length, 1);
  });
});
