// What one observation of telemetry costs, in time and in memory: `node --expose-gc bench/observe.ts`.

import { callFamilies } from "../src/telemetry/call-families.ts";
import { CallMeter, type EndedCall } from "../src/telemetry/call-meter.ts";
import { KnownNames } from "../src/telemetry/known-names.ts";
import { Tracer } from "../src/telemetry/tracer.ts";

const names = new KnownNames({
  applications: ["assistant"],
  models: new Map([["openai", new Set(["gpt-4o-mini"])]]),
});
const meter = new CallMeter(names, callFamilies());
const target = { provider: "openai", model: "gpt-4o-mini" };
const ended: EndedCall = {
  operation: "chat",
  application: "assistant",
  outcome: "ok",
  target,
  seconds: 0.7,
  secondsToFirstByte: 0.2,
  inputTokens: 812,
  outputTokens: 190,
  costMicroUsd: 236,
};
const off = new Tracer({ ratio: 0, emit: () => {} });

const cases: Readonly<Record<string, () => void>> = {
  "meter.decided": () => meter.decided("call", "assistant", "permit", "permitted"),
  "meter.answered": () => meter.answered("chat", target, 0.5, ""),
  "meter.firstChunk": () => meter.firstChunk("chat", target, 0.2),
  "meter.refused": () => meter.refused("policy_denied"),
  "meter.ended (9 series)": () => meter.ended(ended),
  "tracer.begin, not chosen": () => void off.begin(null, 0),
};

const times = 2_000_000;
for (const [name, run] of Object.entries(cases)) {
  for (let at = 0; at < times; at += 1) run();
  const began = process.hrtime.bigint();
  for (let at = 0; at < times; at += 1) run();
  const nanoseconds = Number(process.hrtime.bigint() - began) / times;
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < 100_000; at += 1) run();
  const bytes = Math.max(0, process.memoryUsage().heapUsed - before) / 100_000;
  console.log(
    `${name.padEnd(28)} ${nanoseconds.toFixed(0).padStart(6)} ns ${bytes.toFixed(1).padStart(8)} B`,
  );
}
