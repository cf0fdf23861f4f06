// A clock that jumps under a running gateway: forward it goes along, back it records nothing until it is right again.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fakedClock, withoutFaketime } from "./faked-clock.ts";
import { startGateway, testFolder } from "./test-gateway.ts";
import { readTrail } from "./trail.ts";

test("a clock that jumps ahead, back and right again", { skip: withoutFaketime }, async (t) => {
  const folder = testFolder();
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { environment, jump } = fakedClock(join(folder, "time"));
  const gateway = await startGateway(join(folder, "gateway"), environment);
  t.after(() => gateway.kill());
  const status = async (): Promise<number> => {
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
      body: '{"model":"fast","messages":[{"role":"user","content":"Hello"}]}',
    });
    await answer.arrayBuffer();
    return answer.status;
  };
  assert.equal(await status(), 200);
  jump("+1d");
  assert.equal(await status(), 200);
  jump("-1h");
  assert.equal(await status(), 503, "earlier than what is on record");
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 503);
  jump("+1d");
  assert.equal(await status(), 200, "without a restart");
  await gateway.stop();
  const times = (await readTrail(gateway)).map(({ time }) => Date.parse(time));
  assert.deepEqual(
    times,
    times.toSorted((one, other) => one - other),
  );
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  assert.ok(last - first >= 86_400_000, "it did jump");
});
