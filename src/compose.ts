// Where the parts are wired together: the only file that knows all of them, and the only one that opens storage.

import type { Logger } from "pino";
import { appendLeafHashes, leafHash } from "./audit/merkle-tree.ts";
import type { LoadedConfig } from "./config/load.ts";
import { systemClock } from "./core/clock.ts";
import { OperatorError } from "./core/operator-error.ts";
import { EmbeddedSecretStore } from "./credentials/embedded-secret-store.ts";
import { openKek } from "./credentials/kek.ts";
import { Admission } from "./gateway/admission.ts";
import { LateCompletions } from "./gateway/late-completions.ts";
import type { GatewayParts } from "./gateway/parts.ts";
import { PartsInForce } from "./gateway/parts-in-force.ts";
import { refusalClasses } from "./http/refusal-classes.ts";
import { refusalMessage } from "./http/refusal-message.ts";
import { httpServer } from "./http/server.ts";
import { ApiKeys } from "./identity/api-keys.ts";
import { KeyIdentifier } from "./identity/identify.ts";
import { type OperatorFile, writeOperatorFile } from "./identity/operator-token.ts";
import { openSqliteLogReadOnly, openSqliteStorage } from "./storage/sqlite/open.ts";
import type { Storage } from "./storage/storage.ts";
import { UsageProjection } from "./usage/usage-projection.ts";
import { adminServices } from "./wiring/admin-services.ts";
import { ConfigInForce } from "./wiring/config-in-force.ts";
import { configuredParts } from "./wiring/configured-parts.ts";
import { openPolicies } from "./wiring/policies.ts";
import { openRecord } from "./wiring/record.ts";
import { trailEvents } from "./wiring/trail-events.ts";

export { openSqliteLogReadOnly };

export interface Gateway {
  readonly url: string;
  readonly operator: OperatorFile;
  readonly keys: ApiKeys;
  /** Puts a changed config in force for calls that begin from now on, or says in the log why it stays as it is. */
  reload(loaded: LoadedConfig): Promise<void>;
  /** Finishes and records what is running, for at most `limits.drain`, then closes everything in order. */
  close(): Promise<void>;
}

/** Opens everything and listens. Throws `OperatorError` for what the operator can put right. */
export async function openGateway(loaded: LoadedConfig, version: string, log: Logger): Promise<Gateway> {
  const storage = openSqliteStorage(loaded.dataFolder, { leafHash, appendLeafHashes });
  try {
    return await openOn(storage, loaded, version, log);
  } catch (fault) {
    await storage.close();
    throw fault;
  }
}

async function openOn(
  storage: Storage,
  loaded: LoadedConfig,
  version: string,
  log: Logger,
): Promise<Gateway> {
  const now = (): number => systemClock.now();
  const origin = (await storage.log.identity())?.origin ?? null;
  const kek = await openKek(loaded.keysFolder, origin === null, process.env);
  const record = await openRecord({
    log: storage.log,
    payloads: storage.payloads,
    keysFolder: loaded.keysFolder,
    kek,
    origin,
    version,
    faults: log,
  });
  const { trail, subjects, payloads } = record;
  const events = trailEvents(trail);
  const secrets = new EmbeddedSecretStore(storage.secrets, kek, events.secrets, now);
  const configured = configuredParts(loaded.config, secrets);
  const applications = { has: (name: string) => inForce.current.applications.has(name) };
  const keys = await ApiKeys.open(storage.keys, events.keys, applications, now);
  const policies = await openPolicies(loaded, storage.revisions, events.policies, log);
  const late = new LateCompletions((entries) => trail.append(entries));
  const standing: Omit<GatewayParts, keyof typeof configured.parts> = {
    clock: systemClock,
    keys: new KeyIdentifier(keys, now),
    policy: policies,
    trail,
    subjects,
    payloads,
    log,
    statusOf: (refusal) => refusalClasses[refusal.reason].status,
    messageOf: refusalMessage,
    late,
  };
  const inForce = new PartsInForce({ ...standing, ...configured.parts });
  const config = new ConfigInForce({
    loaded,
    configured,
    secrets,
    policies,
    log,
    record: async (next) => {
      for (const { name } of next.config.applications) await subjects.applicationId(name);
      await trail.append([events.config(next.digest)]);
    },
    putInForce: (parts) => inForce.replace({ ...standing, ...parts }),
  });
  await config.recordFirst();
  const usage = new UsageProjection(storage.log, storage.usage);
  usage.start(1000, (fault) => log.error({ fault: String(fault) }, "usage could not be counted"));
  const admission = new Admission(loaded.config.limits);
  const operatorHolder: { file: OperatorFile | null } = { file: null };
  const admin = adminServices({
    keys,
    secrets,
    log: storage.log,
    usage,
    usageStore: storage.usage,
    policies,
    operatorHolder,
  });
  const server = await httpServer({
    inForce,
    admission,
    admin,
    trustedProxies: loaded.config.server.trusted_proxies,
    bodyBytes: loaded.config.limits.body,
    headerBytes: loaded.config.limits.headers,
    ready: () => trail.available,
  });
  const address = await listen(server.app, loaded.config.server.listen);
  const operator = await writeOperatorFile(loaded.dataFolder, address);
  operatorHolder.file = operator;
  return {
    url: loaded.config.server.public_url ?? address,
    operator,
    keys,
    reload: (next) => config.replace(next),
    close: async () => {
      const drained = admission.drain();
      const timer = setTimeout(() => server.abortAll(), config.drainMs);
      await drained;
      clearTimeout(timer);
      await server.app.close();
      await policies.close();
      await config.close();
      await late.close();
      await payloads.flush();
      await usage.stop();
      await usage.catchUp();
      await trail.close();
      await storage.close();
    },
  };
}

async function listen(
  app: { listen(o: { host: string; port: number }): Promise<string> },
  address: string,
): Promise<string> {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  try {
    return await app.listen({ host, port: Number(address.slice(colon + 1)) });
  } catch (fault) {
    const code = fault instanceof Error && "code" in fault ? String(fault.code) : "unknown";
    throw new OperatorError(
      `cannot listen on \`${address}\` (${code}); change \`server.listen\` or use --listen`,
    );
  }
}
