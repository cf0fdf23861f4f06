import assert from "node:assert/strict";
import { test } from "node:test";
import pino from "pino";
import { Closing } from "./closing.ts";

test("parts are closed in reverse order, each whatever befell the others, and the first fault is told", async () => {
  const lines: string[] = [];
  const closed: string[] = [];
  const closing = new Closing(pino({ base: null }, { write: (line: string) => lines.push(line) }));
  closing.add("storage", async () => closed.push("storage"));
  closing.add("trail", () => Promise.reject(new Error("the disk is full")));
  closing.add("usage", () => {
    throw new Error("nothing to count with");
  });
  closing.add("server", async () => closed.push("server"));
  await assert.rejects(closing.close(), /nothing to count with/);
  assert.deepEqual(closed, ["server", "storage"]);
  assert.match(lines.join(""), /"part":"usage".*\n.*"part":"trail"/);
  await closing.close();
  assert.equal(closed.length, 2, "what is closed is closed once");
});
