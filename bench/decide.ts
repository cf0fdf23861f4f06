// `node bench/decide.ts`: what one decision costs, with 50 policies: remembered, on counters whose values are new for every
// call, on the hour, and on the exact time, which nothing can be remembered for. And what it costs to reserve.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId } from "../src/core/id.ts";
import { CedarEngines } from "../src/policy/cedar-engine.ts";
import { type Decider, decider } from "../src/policy/decider.ts";
import type { CallContext, DecisionRequest } from "../src/policy/decision.ts";
import { loadPolicyFiles } from "../src/policy/load.ts";
import { slicePolicies } from "../src/policy/slice.ts";
import type { PolicyWorld } from "../src/policy/world.ts";
import { openSqliteStorage } from "../src/storage/sqlite/open.ts";
import type { Reservation } from "../src/usage/counter-store.ts";
import { benchPolicies, policyCount } from "./policies.ts";

const warmUp = 2000;
const start = Date.UTC(2026, 0, 5, 9, 30);

const world: PolicyWorld = {
  applications: [{ name: "assistant", groups: ["staff"], environment: "", owner: "" }],
  groups: ["staff"],
  tools: [],
  providers: ["bench"],
  signOffs: ["default"],
};

function deciderWith(extra: string): Decider {
  const loaded = loadPolicyFiles([{ name: "bench.cedar", text: `${benchPolicies()}\n${extra}` }], world);
  if (!loaded.ok) throw new Error(loaded.failure.map(({ message }) => message).join("\n"));
  const slices = slicePolicies(loaded.value.policies, world);
  return decider(loaded.value, slices, new CedarEngines().prepare(loaded.value, slices));
}

function forbid(id: string, condition: string): string {
  return `@id("${id}") forbid (principal, action == Portcullis::Action::"chat", resource) when { ${condition} };`;
}

function request(context: Pick<CallContext, "time" | "counters">): DecisionRequest {
  const facts = { requested_model: "bench/m", message_count: 2, input_tokens: 100, stream: false, tools: [] };
  const shape = { has_images: false, has_audio: false, has_files: false, labels: [] };
  return {
    action: "chat",
    principal: { id: "assistant" },
    model: "bench/m",
    context: { ...facts, ...shape, source_address: "10.0.0.1", ...context },
  };
}

/** `contextOf` gives what is new in each call. */
function measure(
  name: string,
  extra: string,
  contextOf: (call: number) => Pick<CallContext, "time" | "counters">,
  rounds: number,
): void {
  const { decide } = deciderWith(extra);
  const times: number[] = [];
  for (let call = 0; call < warmUp + rounds; call += 1) {
    const one = request(contextOf(call));
    const from = process.hrtime.bigint();
    const { outcome } = decide(one);
    const took = Number(process.hrtime.bigint() - from) / 1000;
    if (outcome !== "permit") throw new Error(`${name}: ${outcome}`);
    if (call >= warmUp) times.push(took);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): string => (times[Math.floor(times.length * share)] ?? 0).toFixed(1).padStart(8);
  console.log(`${name.padEnd(58)} ${at(0.5)} ${at(0.99)}`);
}

async function measureReserving(atOnce: number, calls: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-bench-"));
  const storage = openSqliteStorage(join(folder, "data"));
  try {
    await storage.log.takeOver("inst_bench");
    const amount = { requests: 1, tokens: 1000, microUsd: 300, unpriced: 0 };
    const within = { requests: { atLeast: 0, atMost: Number.MAX_SAFE_INTEGER } };
    const counters: Reservation["counters"] = (["minute", "month"] as const).map((window) => ({
      ...{ kind: "application", name: "assistant", window, counts: true, within },
    }));
    const one = async (): Promise<void> => {
      const call = newId("call", start);
      await storage.counters.reserve({ call, holder: "inst_bench", at: start, counters, amount });
      await storage.counters.settle(call, amount);
    };
    const cpu = process.cpuUsage();
    const from = performance.now();
    for (let done = 0; done < calls; done += atOnce) await Promise.all(Array.from({ length: atOnce }, one));
    const took = performance.now() - from;
    const { user, system } = process.cpuUsage(cpu);
    const each = ((user + system) / calls).toFixed(0);
    const rate = Math.round((calls / took) * 1000);
    console.log(
      `reserve and settle, 2 counters, ${atOnce} at once: ${rate}/s, ${each} µs of processor a call`,
    );
  } finally {
    await storage.close();
    rmSync(folder, { recursive: true });
  }
}

const spend =
  forbid("spend", "context.spend.month > 500000000") + forbid("rate", "context.rate.minute > 1000000");
const counted = (call: number) => ({
  time: start + call,
  counters: { "spend.month": call * 137, "rate.minute": call },
});
console.log(
  `Node ${process.version}; µs a decision with ${policyCount} policies`.padEnd(58),
  "     p50      p99",
);
measure("remembered", "", (call) => ({ time: start + call }), 100_000);
measure("remembered, with spend and rate, new values in each call", spend, counted, 100_000);
measure(
  "remembered, with the hour",
  forbid("hour", "context.hour > 22"),
  (call) => ({ time: start + call }),
  100_000,
);
const exact = forbid("time", 'context.time > datetime("2030-01-01")');
measure(
  "on the exact time: evaluated for every millisecond",
  exact,
  (call) => ({ time: start + call }),
  2000,
);
await measureReserving(32, 6400);
