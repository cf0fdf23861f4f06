import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RequestHeaders } from "../call.ts";
import { beatTimes, prefersAsync, waitLeftMs } from "./patience.ts";

const waitMs = 570_000;
const left = (headers: RequestHeaders, stream = false, now = 0, arrivedAt = 0): number =>
  waitLeftMs({ headers, arrivedAt }, stream, waitMs, now);

describe("how long a client can wait", () => {
  test("is what nearly all can where it does not say", () => {
    assert.equal(left({}), waitMs);
    assert.equal(left({}, true), waitMs);
  });

  test("is what it says, less what the answer takes to reach it", () => {
    assert.equal(left({ "x-stainless-timeout": "60" }), 57_000);
    assert.equal(left({ "x-portcullis-timeout": "10.5" }), 9_975);
    assert.equal(left({ "x-portcullis-timeout": ["20", "40"] }), 19_000);
    assert.equal(left({ "x-portcullis-timeout": "20", "x-stainless-timeout": "60" }), 19_000);
  });

  test("is on a stream what heartbeats serve, unless it says so to us", () => {
    assert.equal(left({ "x-stainless-timeout": "60" }, true), waitMs);
    assert.equal(left({ "x-portcullis-timeout": "60" }, true), 57_000);
  });

  test("is never more than usual, and never less than nothing", () => {
    assert.equal(left({ "x-portcullis-timeout": "9999999" }), waitMs);
    assert.equal(left({ "x-portcullis-timeout": "10" }, false, 30_000), 0);
    assert.equal(left({ "x-portcullis-timeout": "100" }, false, 35_000, 5_000), 65_000);
  });

  test("is as usual where what it says is no time", () => {
    for (const said of [
      "",
      "0",
      "0.0",
      "-5",
      "abc",
      "1e9",
      "Infinity",
      " 5",
      "5s",
      "99999999",
      "1.0000",
      "0x10",
    ]) {
      assert.equal(left({ "x-portcullis-timeout": said }), waitMs, said);
    }
    assert.equal(left({ "x-portcullis-timeout": [] }), waitMs);
  });

  test("is nothing for one that asks not to wait", () => {
    for (const prefer of [
      "respond-async",
      "wait=10, Respond-Async",
      "respond-async; x=1",
      "a;respond-async",
    ]) {
      assert.equal(left({ prefer, "x-portcullis-timeout": "60" }), 0, prefer);
    }
    assert.ok(prefersAsync({ headers: { prefer: ["wait=5", "respond-async"] } }));
    for (const prefer of ["respond-asynchronously", "no-respond-async", "wait=10", ""]) {
      assert.equal(prefersAsync({ headers: { prefer } }), false, prefer);
    }
  });
});

describe("when an answer is opened", () => {
  const times = { commitMs: 45_000, beatMs: 15_000 };

  test("is as usual for a client that bears silence, or says nothing", () => {
    assert.deepEqual(beatTimes({ headers: {} }, false, times), times);
    assert.deepEqual(beatTimes({ headers: { "x-stainless-read-timeout": "600" } }, true, times), times);
    assert.deepEqual(beatTimes({ headers: { "x-stainless-timeout": "600" } }, true, times), times);
  });

  test("is before a client gives up that waits for the head of its stream", () => {
    const headers = { "x-stainless-timeout": "20" };
    assert.deepEqual(beatTimes({ headers }, true, times), { commitMs: 10_000, beatMs: 15_000 });
    // Without a stream all of the answer has to be there by then.
    assert.deepEqual(beatTimes({ headers }, false, times), times);
  });

  test("and kept alive is before a client gives up that bears no silence", () => {
    const headers = { "x-stainless-read-timeout": "8" };
    for (const stream of [true, false]) {
      assert.deepEqual(beatTimes({ headers }, stream, times), { commitMs: 4_000, beatMs: 4_000 });
    }
  });
});
