// A newcomer's first minute: `npm start` in a fresh folder, one call with the key it printed, a second start without one.

import assert from "node:assert/strict";
import { startGateway } from "./e2e/test-gateway.ts";

const first = await startGateway();
process.once("exit", (code) => {
  // A gateway outlives whoever started it.
  if (code !== 0) void first.kill();
});
assert.ok(first.key !== null && first.output.includes("curl ") && first.output.includes("openai"));
const answer = await fetch(`${first.url}/v1/chat/completions`, {
  method: "POST",
  headers: { authorization: `Bearer ${first.key}`, "content-type": "application/json" },
  body: '{"model":"fast","messages":[{"role":"user","content":"Hello"}]}',
});
assert.equal(answer.status, 200);
await first.stop();
const second = await startGateway(first.folder);
assert.equal(second.key, null);
assert.doesNotMatch(second.output, /pc[lo]_/);
await second.close();
process.stdout.write("smoke: the gateway starts, answers, stops and starts again\n");
