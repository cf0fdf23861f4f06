// A PostgreSQL server of a test's own: made in a temporary folder, on a Unix socket and a free port, gone afterwards.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";

export interface TestCluster {
  readonly folder: string;
  readonly port: number;
  /** `postgres://…` of a database of this server. */
  url(database: string): string;
  /** A new, empty database. */
  newDatabase(): Promise<string>;
  /** As the superuser, in that database. */
  query(database: string, sql: string): Promise<readonly Record<string, unknown>[]>;
  /** `fast` ends sessions in order, `immediate` as a crash does. */
  stop(how: "fast" | "immediate"): Promise<void>;
  /** After `stop`, on the same data and port. */
  start(): Promise<void>;
  /** Stops it and removes its data. */
  close(): Promise<void>;
}

/** Why no server can be started here, with how to change that, or null. */
export function missingPostgres(): string | null {
  return serverPrograms() === null
    ? "PostgreSQL's server programs are missing; get them with `apt-get install postgresql`"
    : null;
}

/** What stands in for tests that need a server where there is none: a skip that says why, and with CI=true a failure. */
export function skipWithoutPostgres(): { readonly skip: string | false } {
  const missing = missingPostgres();
  if (missing !== null && process.env["CI"] === "true") throw new Error(missing);
  return { skip: missing ?? false };
}

export async function startCluster(settings: Readonly<Record<string, string>> = {}): Promise<TestCluster> {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-postgres-"));
  const owner = unprivileged();
  if (owner !== null) chownSync(folder, owner.uid, owner.gid);
  chmodSync(folder, 0o700);
  execFileSync(
    program("initdb"),
    [
      "--pgdata",
      join(folder, "data"),
      "--username",
      "gateway",
      "--auth",
      "trust",
      "--encoding",
      "UTF8",
      "--locale",
      "C",
    ],
    { ...owner, cwd: folder, stdio: "pipe" },
  );
  return clusterIn(folder, settings);
}

/** Another server that follows this one; from then on nothing is committed here that it does not have. */
export async function startStandby(primary: TestCluster): Promise<TestCluster> {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-postgres-"));
  const owner = unprivileged();
  if (owner !== null) chownSync(folder, owner.uid, owner.gid);
  const from = `host=127.0.0.1 port=${primary.port} user=gateway application_name=standby`;
  execFileSync(
    program("pg_basebackup"),
    ["--dbname", from, "--pgdata", join(folder, "data"), "--write-recovery-conf", "--checkpoint=fast"],
    { ...owner, cwd: folder, stdio: "pipe" },
  );
  const standby = await clusterIn(folder, {});
  await primary.query("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'standby'");
  await primary.query("postgres", "SELECT pg_reload_conf()");
  for (;;) {
    const [row] = await primary.query("postgres", "SELECT sync_state FROM pg_stat_replication");
    if (row?.["sync_state"] === "sync") return standby;
  }
}

/** A server on data that is there already, in `folder`/data. */
async function clusterIn(folder: string, settings: Readonly<Record<string, string>>): Promise<TestCluster> {
  const port = await freePort();
  const lines = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: folder,
    shared_buffers: "32MB",
    ...settings,
  };
  appendFileSync(
    join(folder, "data", "postgresql.conf"),
    Object.entries(lines)
      .map(([name, value]) => `${name} = '${value}'\n`)
      .join(""),
  );
  let server: ChildProcess | null = null;
  let databases = 0;
  const url = (database: string): string =>
    `postgres://gateway@127.0.0.1:${port}/${database}?sslmode=disable`;
  const query = async (database: string, sql: string): Promise<readonly Record<string, unknown>[]> => {
    const client = new Client({ connectionString: url(database) });
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const stop = async (how: "fast" | "immediate"): Promise<void> => {
    if (server === null || server.exitCode !== null || server.signalCode !== null) return;
    // https://www.postgresql.org/docs/current/server-shutdown.html
    server.kill(how === "fast" ? "SIGINT" : "SIGQUIT");
    await once(server, "exit");
  };
  const start = async (): Promise<void> => {
    server = spawn(program("postgres"), ["-D", join(folder, "data")], {
      ...unprivileged(),
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    await ready(server);
  };
  await start();
  return {
    folder,
    port,
    url,
    query,
    stop,
    start,
    newDatabase: async () => {
      databases += 1;
      const name = `gateway_${databases}`;
      await query("postgres", `CREATE DATABASE ${name}`);
      return name;
    },
    close: async () => {
      await stop("immediate");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function program(name: string): string {
  return join(serverPrograms() ?? "", name);
}

/** Debian keeps the server's programs out of the path, by version. */
function serverPrograms(): string | null {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const named = spawnSync("pg_config", ["--bindir"], { encoding: "utf8" });
  const folders = [
    ...versions.map((version) => join(debian, version, "bin")),
    ...(named.status === 0 ? [named.stdout.trim()] : []),
  ];
  return folders.find((one) => existsSync(join(one, "initdb")) && existsSync(join(one, "postgres"))) ?? null;
}

/** The server refuses to run as root. */
function unprivileged(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const idOf = (flag: string, user: string): number =>
    Number(spawnSync("id", [flag, user], { encoding: "utf8" }).stdout.trim() || "65534");
  return { uid: idOf("-u", "postgres"), gid: idOf("-g", "postgres") };
}

/** Resolves when it says that it takes connections. */
function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolved, rejected) => {
    let log = "";
    server.stderr?.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      if (/ready to accept (?:read-only )?connections/.test(log)) resolved();
    });
    server.once("exit", (code) => rejected(new Error(`the database server ended with ${code}: ${log}`)));
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}
