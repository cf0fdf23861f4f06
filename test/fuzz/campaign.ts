// Runs cases until there were enough or time is up, and says under which seed.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import type { TestContext } from "node:test";
import { Random } from "./random.ts";

const cases = 500_000;
const seconds = Number(process.env["FUZZ_SECONDS"] ?? 10);
/** The same cases every time, so that a change is judged by what it changed; `FUZZ_SEED=random` looks for new ones. */
const asked = process.env["FUZZ_SEED"] ?? "1";
const seed = asked === "random" ? randomInt(2 ** 31) : Number(asked);

/** `check` throws when a case shows a fault. Each case has randomness of its own, so that it can be run alone. */
export function campaign(t: TestContext, check: (random: Random) => void): void {
  const until = performance.now() + seconds * 1000;
  let run = 0;
  for (; run < cases; run += 1) {
    if (run % 256 === 0 && performance.now() > until) break;
    try {
      check(new Random(seed + run));
    } catch (fault) {
      const why = fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
      assert.fail(`run it again with FUZZ_SEED=${seed + run}: ${why}`);
    }
  }
  t.diagnostic(`${run} cases from FUZZ_SEED=${seed}${run < cases ? `, when ${seconds} s were up` : ""}`);
}
