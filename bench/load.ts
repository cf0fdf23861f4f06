// The load: a fixed number of connections, each sending its next request when the answer to the last has arrived whole.
// Over raw sockets, so that it costs little beside what it measures. Prints one line of JSON.

import { connect } from "node:net";
import { ResponseReader } from "./http-framing.ts";

interface Plan {
  readonly port: number;
  readonly path: string;
  readonly key: string;
  readonly stream: boolean;
  readonly connections: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

const plan: Plan = JSON.parse(process.argv[2] ?? "");

/** Bodies differ, as those of real clients do. */
const requests = Array.from({ length: 64 }, (_, at) => {
  const body = Buffer.from(
    JSON.stringify({
      model: "bench/gpt-bench",
      messages: [
        { role: "system", content: "You are a helpful assistant. Answer briefly and plainly." },
        {
          role: "user",
          content: `Question ${at}: ${"why is the sky blue at noon and red at dusk? ".repeat(4)}`,
        },
      ],
      temperature: 0.2,
      stream: plan.stream,
      ...(plan.stream ? { stream_options: { include_usage: true } } : {}),
    }),
  );
  const head = `POST ${plan.path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${plan.key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
});

const latencies: number[] = [];
let failures = 0;
let measuring = false;
let stopping = false;
let sent = 0;

function run(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: plan.port, host: "127.0.0.1", noDelay: true });
    let startedAt = 0;
    const next = (): void => {
      if (stopping) {
        socket.end();
        return resolve();
      }
      startedAt = performance.now();
      socket.write(requests[sent++ % requests.length] ?? "");
    };
    const reader = new ResponseReader((status, response) => {
      const good = status === 200 && (!plan.stream || response.includes("[DONE]"));
      if (measuring) {
        if (good) latencies.push(performance.now() - startedAt);
        else failures += 1;
      } else if (!good) {
        return reject(new Error(`a request was answered with ${response.subarray(0, 600).toString()}`));
      }
      next();
    });
    socket.on("data", (data) => reader.push(data));
    socket.once("error", reject);
    socket.once("close", () => resolve());
    socket.once("connect", next);
  });
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

const running = Promise.all(Array.from({ length: plan.connections }, run));
let startedAt = 0;
let elapsedMs = 0;
setTimeout(() => {
  measuring = true;
  console.log("measuring");
  startedAt = performance.now();
}, plan.warmUpMs);
setTimeout(() => {
  measuring = false;
  elapsedMs = performance.now() - startedAt;
  stopping = true;
}, plan.warmUpMs + plan.measureMs);
await running;
latencies.sort((one, other) => one - other);
console.log(
  JSON.stringify({
    requestsPerSecond: (latencies.length * 1000) / elapsedMs,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    requests: latencies.length,
    failures,
  }),
);
