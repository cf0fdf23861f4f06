import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { diskFull, MemoryLogStore } from "../log-store.test-support.ts";
import { actionDecided, completed, decided, record, testSigner, trailBench } from "../trail.test-support.ts";
import { activated, findingsOf, reasons, told, verify } from "./verify.test-support.ts";

describe("verifying calls in a log that its gateway signed", () => {
  it("finds a call completed twice, and one continued after its end", async (t) => {
    assert.deepEqual(await findingsOf(t, decided("call_1"), completed("call_1"), completed("call_1")), [
      { reason: "completed_twice", entry: 5, call: "call_1", completed: 4 },
    ]);
    const late = [decided("call_1", { dispatch: 2 }), actionDecided("call_1")];
    assert.deepEqual(await findingsOf(t, decided("call_1"), completed("call_1"), ...late), [
      { reason: "decided_after_completion", entry: 5, call: "call_1", completed: 4 },
      { reason: "decided_after_completion", entry: 6, call: "call_1", completed: 4 },
    ]);
  });

  it("finds a completion and an action that nothing decides", async (t) => {
    assert.deepEqual(await findingsOf(t, completed("call_1"), actionDecided("call_2")), [
      { reason: "no_decision", entry: 3, call: "call_1" },
      { reason: "no_decision", entry: 4, call: "call_2" },
    ]);
  });

  it("finds a dispatch without a permit, to another target or to none that is named", async (t) => {
    const cases: readonly (readonly [LeafBody[], readonly string[], string | null])[] = [
      [[decided("call_1", { decision: "deny" }), completed("call_1")], [], "demo/parrot"],
      [
        [decided("call_1", { decision: "hold" }), completed("call_1", { outcome: "upstream_error" })],
        [],
        "demo/parrot",
      ],
      [[decided("call_1", { target: "a/one" }), completed("call_1")], ["a/one"], "demo/parrot"],
      [[decided("call_1"), completed("call_1", { target: null, dispatches: 0 })], ["demo/parrot"], null],
      [[decided("call_1"), completed("call_1", { target: null, outcome: "refused" })], ["demo/parrot"], null],
    ];
    for (const [bodies, expected, found] of cases) {
      assert.deepEqual(await findingsOf(t, ...bodies), [
        { reason: "dispatched_without_permit", entry: 4, call: "call_1", expected, found },
      ]);
    }
  });

  it("finds a failed try under a decision that did not permit its target", async (t) => {
    const failed = (dispatch: number, target: string) => ({
      failed: [{ dispatch, reason: "status", sent: true, status: 503, target }],
    });
    const two = [decided("call_1", { target: "a/one" }), decided("call_1", { dispatch: 2 })];
    assert.deepEqual(await findingsOf(t, ...two, completed("call_1", failed(1, "a/one"))), []);
    for (const [dispatch, found, expected] of [
      [1, "a/two", ["a/one"]],
      [2, "a/one", ["demo/parrot"]],
      [3, "a/one", []],
    ] as const) {
      assert.deepEqual(await findingsOf(t, ...two, completed("call_1", failed(dispatch, found))), [
        { reason: "dispatched_without_permit", entry: 5, call: "call_1", expected, found },
      ]);
    }
  });

  it("finds dispatches that are not numbered from one without gaps", async (t) => {
    for (const [first, second, expected] of [
      [2, 3, 1],
      [1, 3, 2],
      [1, 1, 2],
    ] as const) {
      const found = await findingsOf(
        t,
        decided("call_1", { dispatch: first }),
        decided("call_1", { dispatch: second }),
        completed("call_1"),
      );
      assert.deepEqual(
        found.map((finding) => finding.reason),
        ["dispatch_out_of_order"],
      );
      assert.equal(found[0]?.reason === "dispatch_out_of_order" && found[0].expected, expected);
    }
  });

  it("finds held or denied actions that were released, and actions that answer nothing permitted", async (t) => {
    for (const decision of ["hold", "deny"] as const) {
      assert.deepEqual(
        await findingsOf(t, decided("call_1"), actionDecided("call_1", { decision }), completed("call_1")),
        [{ reason: "action_released", entry: 5, call: "call_1", action: 4, found: decision }],
      );
    }
    const denied = decided("call_1", { decision: "deny" });
    const nothing = completed("call_1", { outcome: "refused", target: null, dispatches: 0 });
    assert.deepEqual(await findingsOf(t, denied, actionDecided("call_1"), nothing), [
      { reason: "action_without_permit", entry: 4, call: "call_1", dispatch: 1 },
    ]);
  });

  it("finds a write that is permitted without a basis", async (t) => {
    const write = actionDecided("call_1", { decision: "permit" });
    assert.deepEqual(await findingsOf(t, decided("call_1"), write, completed("call_1")), [
      { reason: "write_without_basis", entry: 4, call: "call_1", tool: "send_email" },
    ]);
  });

  it("finds a call that changes hands", async (t) => {
    const other = { application: "other" };
    const found = await findingsOf(
      t,
      decided("call_1"),
      decided("call_1", { dispatch: 2, ...other }),
      actionDecided("call_1", { ...other, decision: "permit", effect: "read" }),
      completed("call_1", other),
    );
    assert.deepEqual(
      found.map((finding) => finding.reason),
      Array(3).fill("other_application"),
    );
  });

  it("finds a second beginning, epochs that do not grow and time that runs back", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(trail, activated);
    await record(trail, { type: "log.opened", actor: { kind: "gateway", id: "i" }, epoch: 1, version: "1" });
    await record(trail, { type: "log.closed", actor: { kind: "gateway", id: "i" }, epoch: 9 });
    await record(trail, {
      type: "log.created",
      actor: { kind: "gateway", id: "i" },
      origin: testSigner.name,
      vkey: testSigner.vkey,
    });
    const early = trail.encode(decided("call_1"), null);
    bench.clock.time += 4_000;
    await record(trail, decided("call_2"));
    await trail.append([early]);
    bench.clock.time += 60_000;
    await record(trail, completed("call_2"));
    const late = trail.encode(completed("call_1"), null);
    const wrong = trail.encode(decided("call_4", { decision: "deny", target: null }), null);
    bench.clock.time += 60_000;
    await record(trail, decided("call_3"), completed("call_3"));
    await trail.append([late, wrong]);
    await trail.close();
    const report = await verify(bench.state);
    assert.deepEqual(
      told(report).map((finding) => [finding.reason, "entry" in finding && finding.entry]),
      [
        ["epoch_out_of_order", 3],
        ["epoch_out_of_order", 4],
        ["wrong_beginning", 5],
        ["time_backwards", 12],
      ],
    );
    assert.equal(report.log.ok, false);
    assert.equal(report.governance.ok, true);
  });

  it("lets time count anew where an operator said so, and counts how often", async (t) => {
    const bench = trailBench(t);
    bench.clock.time += 86_400_000;
    const first = await bench.open();
    await record(first, activated, decided("call_1"), completed("call_1"));
    await first.close();
    bench.clock.time -= 86_400_000;
    const acceptedClock = "2026-11-24T00:00:00.000Z";
    const second = await bench.open({ instance: "inst_2", acceptedClock });
    const early = second.encode(decided("call_2"), null);
    bench.clock.time += 60_000;
    await record(second, decided("call_3"), completed("call_3"));
    await second.append([early]);
    await second.close();
    const report = await verify(bench.state);
    assert.equal(report.log.clockResets, 1);
    assert.deepEqual(reasons(report), ["time_backwards"], "that of the entry `early` alone");
  });

  it("lets the end of a call be recorded late, and not be stamped before its beginning", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    const tooEarly = trail.encode(completed("call_2"), null);
    await record(trail, activated, decided("call_1"));
    bench.clock.time += 1_000;
    const late = [actionDecided("call_1", { decision: "permit", unattended: true }), completed("call_1")];
    const entries = late.map((body) => trail.encode(body, null));
    bench.clock.time += 600_000;
    await record(trail, decided("call_2"));
    await trail.append([...entries, tooEarly]);
    assert.deepEqual(told(await verify(bench.state)), [
      {
        reason: "stamped_before_decision",
        entry: 7,
        call: "call_2",
        expected: "2026-11-23T00:10:01.000Z",
        found: "2026-11-23T00:00:00.000Z",
      },
    ]);
  });

  it("keeps the first thousand findings and counts the rest", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(trail, ...Array.from({ length: 1_200 }, (_, call) => completed(`call_${call}`)));
    await trail.close();
    const report = await verify(bench.state);
    assert.deepEqual([report.findings.length, report.moreFindings], [1_000, 200]);
  });

  it("finds a call that stays open although the gateway started again and went on", async (t) => {
    const bench = trailBench(t);
    const first = await bench.open();
    await record(first, activated, decided("call_done"), decided("call_1"), decided("call_2"));
    await record(first, completed("call_done"));
    // Recovery looks from here on, and so finds nothing.
    bench.state.openFrom = bench.state.entries.length;
    const second = await bench.open({ instance: "inst_2" });
    assert.deepEqual(second.recovery.completed, []);
    assert.deepEqual(reasons(await verify(bench.state)), ["recovery_too_late"], "it may still be at work");

    await record(second, decided("call_3"));
    const [one, two, ...more] = told(await verify(bench.state));
    const found = { reason: "never_completed", opened: 7, resumed: 8 };
    assert.deepEqual(
      [one, two],
      [
        { ...found, entry: 4, call: "call_1" },
        { ...found, entry: 5, call: "call_2" },
      ],
    );
    assert.deepEqual(
      more.map(({ reason }) => reason),
      ["recovery_too_late"],
    );

    await record(second, completed("call_3"), completed("call_1"), completed("call_2"));
    await second.close();
    await (await bench.open({ instance: "inst_3" })).close();
    assert.deepEqual(reasons(await verify(bench.state)), ["never_completed", "never_completed"]);
  });

  it("finds it too when the gateway that started again took no call and ended", async (t) => {
    const bench = trailBench(t);
    await record(await bench.open(), activated, decided("call_1"));
    bench.state.openFrom = bench.state.entries.length;
    await (await bench.open({ instance: "inst_2" })).close();
    assert.deepEqual(told(await verify(bench.state))[0], {
      reason: "never_completed",
      entry: 3,
      call: "call_1",
      opened: 4,
      resumed: 5,
    });
  });

  it("lets a recovery that was killed half way leave the rest to the next", async (t) => {
    const bench = trailBench(t);
    await record(await bench.open(), activated, decided("call_1"));
    class Dies extends MemoryLogStore {
      override async append(entries: Parameters<MemoryLogStore["append"]>[0]) {
        if (this.state.entries.length > 4) throw diskFull;
        return super.append(entries);
      }
    }
    await assert.rejects(bench.open({ instance: "inst_2", store: new Dies(bench.state) }), diskFull);
    const again = await bench.open({ instance: "inst_3" });
    await record(again, decided("call_2"), completed("call_2"));
    await again.close();
    assert.deepEqual(told(await verify(bench.state)), []);
  });

  it("finds decisions under a revision that no earlier entry put in force, once for each revision", async (t) => {
    const unknown = "f".repeat(64);
    const later = "e".repeat(64);
    const read = (action: string, revision: string) =>
      actionDecided("call_1", { action, revision, decision: "permit", effect: "read" });
    assert.deepEqual(
      await findingsOf(
        t,
        decided("call_1", { revision: unknown }),
        read("act_1", later),
        read("act_2", later),
        { ...activated, revision: later, previous: activated.revision },
        read("act_3", later),
        // A call ends with the policies that it began with.
        completed("call_1"),
        decided("call_2"),
        decided("call_2", { dispatch: 2, revision: unknown }),
        completed("call_2"),
      ),
      [
        { reason: "revision_not_activated", entry: 3, call: "call_1", revision: unknown },
        { reason: "revision_not_activated", entry: 4, call: "call_1", revision: later },
      ],
    );
  });
});
