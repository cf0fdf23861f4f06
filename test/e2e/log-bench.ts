// The log as outsiders read it, alone: on real HTTP and real storage, in the test's own process, with as many entries as
// the test wants.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import Fastify from "fastify";
import { noteSigner } from "portcullis-verify/log/signed-note.ts";
import { tileBytes } from "../../src/audit/stored-tree.ts";
import { Trail } from "../../src/audit/trail.ts";
import type { EncodedEntry } from "../../src/core/entry.ts";
import { uuidv7 } from "../../src/core/id.ts";
import { fail, ok } from "../../src/core/result.ts";
import { logRoutes } from "../../src/http/log-routes.ts";
import { openSqliteStorage } from "../../src/storage/sqlite/open.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { testFolder } from "./test-gateway.ts";

export const token = "pco_bench";

export type LogBench = Awaited<ReturnType<typeof logBench>>;

/** On SQLite in a folder of its own, unless there is storage already, which stays open. */
export async function logBench(t: { after(clean: () => Promise<void>): unknown }, given?: Storage) {
  const folder = testFolder();
  const storage = given ?? openSqliteStorage(join(folder, "data"));
  const trail = await Trail.open({
    store: storage.log,
    signer: noteSigner("gate.example/log", Buffer.alloc(32, 7)),
    headFile: join(folder, "checkpoint"),
    instance: "inst_1",
    version: "0.1.0",
    clock: { now: () => Date.now() },
    onFault: () => {},
  });
  const faults: Error[] = [];
  const open = { is: false };
  const app = Fastify({ forceCloseConnections: true });
  const routes = logRoutes({
    vkey: trail.vkey,
    checkpoint: () => trail.checkpoint,
    tile: (place) => tileBytes(storage.log, place),
    isPublic: () => open.is,
    authenticate: async (given) =>
      given === token ? ok({ name: "owner@localhost", method: "bootstrap" }) : fail("unknown"),
    onFault: (fault) => faults.push(fault),
  });
  await app.register(routes, { prefix: "/log" });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  t.after(async () => {
    await app.close();
    await trail.close();
    if (given === undefined) await storage.close();
    await rm(folder, { recursive: true });
  });
  return {
    folder,
    url: `${url}/log`,
    storage,
    trail,
    faults,
    /** Whether everybody may read it. */
    open,
    /** Has the log grow to so many entries, all of them published. */
    grow: async (size: number): Promise<void> => {
      for (;;) {
        const head = await storage.log.head();
        if (head.size >= size) break;
        await storage.log.append(entries(head.size, Math.min(size, head.size + 4_096)));
      }
      await trail.publishCheckpoint();
    },
  };
}

function entries(from: number, to: number): readonly EncodedEntry[] {
  return Array.from({ length: to - from }, (_, at) => ({
    id: uuidv7(Date.now()),
    leaf: Buffer.from(`leaf ${from + at}`),
    salt: null,
  }));
}
