// `node bench/soak.ts`: whether memory stays flat. JSON calls and streams mixed, each asked differently, and then calls that
// their clients leave, that the upstream cuts, and that are refused. Nothing is under way at a sample, and everything unused was
// collected before it, so what rises from sample to sample is kept. Exit code 1 when it is more than the bounds say, or
// when more than one of a hundred calls did not end as it should.

import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  type CallKind,
  faultKinds,
  isExpected,
  makeCalls,
  type Outcomes,
  openStreams,
} from "./soak-callers.ts";
import { SoakGateway } from "./soak-gateway.ts";
import { heads, judged, moreHandles, row, type Sample } from "./soak-report.ts";

const { values: options } = parseArgs({
  options: {
    calls: { type: "string", default: "1000000" },
    streams: { type: "string", default: "10000" },
    /** Of each kind of `faultKinds`. */
    faults: { type: "string", default: "10000" },
    /** Mixed calls before anything is judged: until then fills what is remembered up to a limit. A tenth unless said. */
    "warm-up": { type: "string" },
    connections: { type: "string", default: "32" },
    /** Streams that are open at once, each of two descriptors of the gateway, and how often. */
    open: { type: "string", default: "10000" },
    times: { type: "string", default: "4" },
    "sample-every": { type: "string", default: "20000" },
    /** After so many minutes the mixed calls end where they are. */
    minutes: { type: "string", default: "1440" },
    /** With a policy that reads counters of application and user. */
    budgets: { type: "boolean", default: false },
  },
});
const calls = Number(options.calls);
const streams = Number(options.streams);
const faults = Number(options.faults);
const open = Number(options.open);
const standardConcurrency = 2000;
const every = Number(options["sample-every"]);
const endAt = Date.now() + Number(options.minutes) * 60_000;
let stopped = false;
// What is measured by then is said.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => (stopped = true));

const outcomes: Outcomes = new Map();
const gateway = await SoakGateway.start(options.budgets, Math.max(standardConcurrency, open));
const callers = { port: gateway.port, keys: gateway.keys, connections: Number(options.connections) };
let made = 0;
let grows = false;
try {
  if (calls + streams > 0) grows = (await mixed()) || grows;
  for (const kind of faultKinds) {
    if (faults > 0 && !stopped) grows = (await alike(kind)) || grows;
  }
  if (open > 0 && !stopped) grows = (await openedAndEnded()) || grows;
  console.log("\nwhat became of the calls");
  for (const [outcome, count] of outcomes)
    console.log(`  ${outcome}: ${count}${isExpected(outcome) ? "" : "  (unexpected)"}`);
} finally {
  await gateway.close();
}
const unexpected = [...outcomes].reduce(
  (sum, [outcome, count]) => sum + (isExpected(outcome) ? 0 : count),
  0,
);
const failed = unexpected > made / 100;
if (failed) console.log(`\n${unexpected} of ${made} calls did not end as they should`);
if (grows) console.log("\nmemory grows with the number of calls");
if (grows || failed) process.exitCode = 1;

/** JSON and streams evenly mixed. Whether memory grows. */
async function mixed(): Promise<boolean> {
  const all = calls + streams;
  const isStream = (at: number): boolean =>
    Math.floor(((at + 1) * streams) / all) > Math.floor((at * streams) / all);
  console.log(`${calls} JSON calls and ${streams} streams, ${callers.connections} at a time\n`);
  console.log(heads);
  const samples = [await sampled(0)];
  while (made < all && Date.now() < endAt && !stopped) {
    await run(Math.min(every, all - made), (at) => (isStream(at) ? "stream" : "json"));
    samples.push(await sampled(made));
  }
  if (made < all) console.log(`\nended early: ${made} of ${all} calls were made`);
  const warmUp = Number(options["warm-up"] ?? made / 10);
  const warm = samples.filter((sample) => sample.calls >= warmUp);
  return judged(`after the first ${warm[0]?.calls} calls`, warm);
}

/** Calls of one kind, after half as many to warm up. Whether memory grows. */
async function alike(kind: CallKind): Promise<boolean> {
  console.log(`\n${faults} calls ${kind}\n`);
  console.log(heads);
  await run(Math.ceil(faults / 2), () => kind);
  const from = made;
  const samples = [await sampled(0)];
  const rounds = 10;
  for (let round = 0; round < rounds && !stopped; round += 1) {
    await run(Math.ceil(faults / rounds), () => kind);
    samples.push(await sampled(made - from));
  }
  const [first, last] = [samples[0], samples.at(-1)];
  if (samples.length <= rounds || first === undefined || last === undefined) {
    console.log("ended early, so nothing is said of these");
    return false;
  }
  const left = moreHandles(first.reading, last.reading, callers.connections);
  return judged(`calls ${kind}`, samples) || left;
}

/** Streams opened bit by bit until all are open at once, and then ended, again and again. Whether what is left grows. */
async function openedAndEnded(): Promise<boolean> {
  console.log(`\n${open} streams open at once, ${options.times} times\n`);
  console.log(heads);
  const ended: Sample[] = [];
  for (let time = 0; time < Number(options.times) && !stopped; time += 1) {
    const over: Promise<unknown>[] = [];
    const steps = 5;
    for (let step = 0; step < steps; step += 1) {
      for (let batch = 0; batch < open / steps; batch += callers.connections) {
        const count = Math.min(callers.connections, open / steps - batch);
        const streams = openStreams(callers, made, count, outcomes);
        made += count;
        over.push(streams.over);
        await streams.begun;
      }
      print({ calls: ((step + 1) * open) / steps, reading: await gateway.read() });
    }
    gateway.letFinish();
    await Promise.all(over);
    ended.push(await sampled((time + 1) * open));
  }
  if (ended.length < 3) {
    console.log("ended early, so nothing is said of these");
    return false;
  }
  const [first, last] = [ended[0], ended.at(-1)];
  const left = first === undefined || last === undefined || moreHandles(first.reading, last.reading, 32);
  return judged("streams that were open at once, after each time all had ended", ended) || left;
}

async function run(count: number, kindOf: (at: number) => CallKind): Promise<void> {
  await makeCalls(callers, made, count, kindOf, outcomes);
  made += count;
}

/** Once it is quiet: nothing is worked on, and all that was used is counted. */
async function sampled(count: number): Promise<Sample> {
  const busy = ["portcullis_calls_in_flight", "portcullis_usage_lag_entries"];
  let reading = await gateway.read();
  // The first one tells how the event loop fared while calls were made.
  const { loopDelayP99, loopDelayMost } = reading;
  for (let tries = 0; tries < 120 && busy.some((name) => reading.gauges.get(name) !== 0); tries += 1) {
    await sleep(500);
    reading = await gateway.read();
  }
  return print({ calls: count, reading: { ...reading, loopDelayP99, loopDelayMost } });
}

function print(sample: Sample): Sample {
  console.log(row(sample));
  return sample;
}
