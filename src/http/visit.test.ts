import assert from "node:assert/strict";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { Admission } from "../gateway/admission.ts";
import { HttpChannel } from "./http-channel.ts";
import { Visit } from "./visit.ts";

/** A visit, and how its client's connection comes to its end. */
function arriving() {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const caller = { holder: { application: "app", keyId: "key_1" }, sourceAddress: "10.1.2.3" };
  return { visit: new Visit(caller, new HttpChannel(response)), leave: () => response.emit("close") };
}

async function admitted(admission: Admission) {
  const arrived = arriving();
  assert.ok((await arrived.visit.enter(admission)).ok);
  return arrived;
}

test("a client that leaves in the moment of its admission gives its slot back", async () => {
  const admission = new Admission({ concurrency: 1, queue: 1 });
  const first = await admitted(admission);
  const second = arriving();
  const entered = second.visit.enter(admission);
  first.leave();
  assert.equal(admission.active, 1, "the slot has been handed on");
  second.leave();
  await entered;
  assert.equal(admission.active, 0);
});

test("a client that leaves the queue is told from one that is refused, and holds nothing", async () => {
  const admission = new Admission({ concurrency: 1, queue: 1 });
  await admitted(admission);
  const second = arriving();
  const entered = second.visit.enter(admission);
  second.leave();
  assert.deepEqual(await entered, { ok: false, failure: { reason: "client_closed" } });
  assert.equal(admission.active, 1);
});

test("a slot is held until the client is done and the call is on record, whichever comes last", async () => {
  const admission = new Admission({ concurrency: 2, queue: 0 });
  const [early, late] = [await admitted(admission), await admitted(admission)];
  const recorded = Promise.withResolvers<void>();
  const working = early.visit.work(() => recorded.promise);
  early.leave();
  assert.equal(admission.active, 2, "its client is gone, and the call is not over");
  recorded.resolve();
  await working;
  assert.equal(admission.active, 1);
  await late.visit.work(async () => late.visit.channel.respond(200, {}, Buffer.from("ok")));
  assert.equal(admission.active, 1, "its client still reads");
  late.leave();
  late.leave();
  assert.equal(admission.active, 0);
});

test("a call whose client has left is not begun, and one that fails gives its slot back", async () => {
  const admission = new Admission({ concurrency: 1, queue: 0 });
  const gone = await admitted(admission);
  gone.leave();
  await gone.visit.work(() => assert.fail("it was begun"));
  const failing = await admitted(admission);
  const failed = failing.visit.work(() => Promise.reject(new Error("a bug")));
  await assert.rejects(failed, /a bug/);
  failing.leave();
  assert.equal(admission.active, 0);
});
