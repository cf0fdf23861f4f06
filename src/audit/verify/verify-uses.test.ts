import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import type { VerifyReport } from "portcullis-verify/rules/verify-log.ts";
import { completed, decided, record, trailBench } from "../trail.test-support.ts";
import {
  asked,
  closed,
  finance,
  heldAction,
  permitted,
  released,
  voted,
} from "./approval-log.test-support.ts";
import { activated, verify } from "./verify.test-support.ts";

const minute = 60_000;
const start = Date.parse("2026-11-23T00:00:00.000Z");
/** Longer than anything here waits. */
const expires = "2026-11-24T00:00:00.000Z";

type Timed = readonly [atMs: number, body: LeafBody];

/** Of a log whose entries stand at these times. */
async function reportOf(t: TestContext, ...entries: readonly Timed[]): Promise<VerifyReport> {
  const bench = trailBench(t);
  bench.clock.time = start;
  const trail = await bench.open();
  await record(trail, activated);
  for (const [at, body] of entries) {
    bench.clock.time = start + at;
    await record(trail, body);
  }
  await trail.close();
  return verify(bench.state);
}

function reasons({ findings }: VerifyReport): readonly string[] {
  return findings.map(({ reason }) => reason);
}

const held = heldAction("call_1");
const one = asked(held, finance(), { expires, use_within_ms: 15 * minute });
const opening: readonly Timed[] = [
  [0, decided("call_1")],
  [0, held],
  [0, one],
  [5 * minute, voted(one, "op_a")],
];
const handed = (at: number): readonly Timed[] => [
  [at, permitted(held, one)],
  [at, released(one, one)],
  [at, completed("call_1")],
];

describe("verifying the time for which an approval can be used", () => {
  it("lets it be used within that time, counted from its last vote, and finds it used after", async (t) => {
    assert.deepEqual(reasons(await reportOf(t, ...opening, ...handed(20 * minute))), []);
    // The clocks that stamp entries and end times may differ by a little.
    assert.deepEqual(reasons(await reportOf(t, ...opening, ...handed(21 * minute))), []);
    const late = await reportOf(t, ...opening, ...handed(22 * minute));
    assert.deepEqual(late.findings, [
      {
        ...{ reason: "released_late", entry: 8, approval: one.approval },
        ...{ expected: "2026-11-23T00:20:00.000Z", found: "2026-11-23T00:22:00.000Z" },
      },
    ]);
  });

  it("finds it handed on once more after that time", async (t) => {
    const again = (at: number): readonly Timed[] => [
      [at, decided("call_2")],
      [at, released(one, one, { released_to: "call_2", delivery: 2 })],
      [at, completed("call_2", { hold: one.hold, dispatches: 0, target: null })],
    ];
    const first = [...opening, ...handed(6 * minute)];
    assert.deepEqual(reasons(await reportOf(t, ...first, ...again(19 * minute))), []);
    assert.deepEqual(reasons(await reportOf(t, ...first, ...again(60 * minute))), ["released_late"]);
  });

  it("lets it lapse when that time is over, and finds it lapsed before", async (t) => {
    const lapsed = (at: number): readonly Timed[] => [
      [at, closed(one, "lapsed")],
      [at, completed("call_1", { outcome: "withheld" })],
    ];
    assert.deepEqual(reasons(await reportOf(t, ...opening, ...lapsed(20 * minute))), []);
    assert.deepEqual(reasons(await reportOf(t, ...opening, ...lapsed(18 * minute))), ["lapsed_early"]);
  });

  it("counts it from when all of the turn is decided, for the shortest of what was approved", async (t) => {
    const second = heldAction("call_1", "act_2");
    const third = heldAction("call_1", "act_3");
    const two = asked(second, finance(), { expires, use_within_ms: 10 * minute });
    const three = asked(third, finance(), { expires, use_within_ms: minute });
    const turn = (at: number): readonly Timed[] => [
      ...opening.slice(0, 2),
      ...([[0, second], [0, third], [0, one], [0, two], [0, three], ...opening.slice(3)] as const),
      [30 * minute, voted(two, "op_a")],
      [40 * minute, voted(three, "op_b", { decision: "reject", state: "rejected" })],
      [40 * minute, closed(three, "rejected")],
      [at, permitted(held, one)],
      [at, released(one, one)],
      [at, permitted(second, two)],
      [at, released(two, two)],
      [at, completed("call_1", { outcome: "partial" })],
    ];
    assert.deepEqual(reasons(await reportOf(t, ...turn(50 * minute))), []);
    assert.deepEqual(reasons(await reportOf(t, ...turn(52 * minute))), ["released_late", "released_late"]);
  });

  it("says of entries that do not tell it that it was not checked", async (t) => {
    const { use_within_ms: _, ...untold } = one;
    const log = [...opening.slice(0, 2), [0, untold] as const, ...opening.slice(3), ...handed(60 * minute)];
    const report = await reportOf(t, ...log);
    assert.deepEqual(reasons(report), []);
    assert.deepEqual(
      report.notChecked.filter(({ reason }) => reason === "use_times"),
      [{ reason: "use_times", uses: 1 }],
    );
    const told = await reportOf(t, ...opening, ...handed(6 * minute));
    assert.ok(told.notChecked.every(({ reason }) => reason !== "use_times"));
  });
});
