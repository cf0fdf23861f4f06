// What runs in the thread that writes: the one connection that does, and nothing else.

import { parentPort, workerData } from "node:worker_threads";
import { openWriter } from "./database.ts";
import { unpackEntries } from "./packed-entries.ts";
import { type FromWriter, type Job, type JobResult, plainFault, type ToWriter } from "./write-messages.ts";
import { localWriteSide } from "./write-side.ts";

const port = parentPort;
if (port === null) throw new TypeError("this runs as a thread of the gateway");

const database = openWriter(String(workerData));
const write = localWriteSide(database);

port.on("message", (message: ToWriter) => {
  switch (message.kind) {
    case "run":
      void Promise.all(message.jobs.map(resultOf)).then((results: FromWriter) => port.postMessage(results));
      return;
    case "stop":
      write.stop(message.why);
      return;
    case "close":
      void write.close().then(() => {
        database.close();
        port.close();
      });
  }
});

async function resultOf(job: Job): Promise<JobResult> {
  try {
    return { ok: true, value: await perform(job) };
  } catch (fault) {
    return { ok: false, fault: plainFault(fault) };
  }
}

function perform(job: Job): Promise<unknown> {
  if ("append" in job) return write.side.log.append(unpackEntries(job.append));
  const { store, method, values } = job;
  const run: unknown = Reflect.get(write.side[store], method);
  if (typeof run !== "function") throw new TypeError(`there is no ${store}.${method}`);
  return Reflect.apply(run, write.side[store], values);
}
