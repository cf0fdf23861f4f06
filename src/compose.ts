// Where the parts are wired together: the only file that knows all of them, and the only one that opens storage.

import type { Logger } from "pino";
import { ApprovalFeed } from "./approvals/approval-feed.ts";
import { PayloadRetention } from "./audit/payload-retention.ts";
import type { LoadedConfig } from "./config/load.ts";
import { systemClock } from "./core/clock.ts";
import { openKek } from "./credentials/kek.ts";
import { openRootKey } from "./credentials/root-key.ts";
import { Admission } from "./gateway/admission.ts";
import { LateCompletions } from "./gateway/late-completions.ts";
import type { GatewayParts } from "./gateway/parts.ts";
import { PartsInForce } from "./gateway/parts-in-force.ts";
import { refusalClasses } from "./http/refusal-classes.ts";
import { refusalMessage } from "./http/refusal-message.ts";
import { httpServer } from "./http/server.ts";
import type { ApiKeys } from "./identity/api-keys.ts";
import { KeyIdentifier } from "./identity/identify.ts";
import { type OperatorFile, writeOperatorFile } from "./identity/operator-token.ts";
import { openPostgresStorage } from "./storage/postgres/open.ts";
import { makeOwnFolder } from "./storage/sqlite/data-files.ts";
import { openSqliteStorage } from "./storage/sqlite/open.ts";
import type { Storage } from "./storage/storage.ts";
import { Reservations } from "./usage/reservations.ts";
import { standingCounters } from "./usage/standing-counters.ts";
import { UsageProjection } from "./usage/usage-projection.ts";
import { adminServices } from "./wiring/admin-services.ts";
import { approvalFaults, holdingOf, openApprovals } from "./wiring/approvals.ts";
import { Closing } from "./wiring/closing.ts";
import { ConfigInForce } from "./wiring/config-in-force.ts";
import { configuredParts } from "./wiring/configured-parts.ts";
import { configuredSubjects, countedSubjects, settleLeftovers } from "./wiring/counting.ts";
import { listen } from "./wiring/listen.ts";
import { logServices } from "./wiring/log-services.ts";
import { openMetrics } from "./wiring/metrics.ts";
import { whyNoVote } from "./wiring/operator-services.ts";
import { openPolicies } from "./wiring/policies.ts";
import { openRecord } from "./wiring/record.ts";
import { retentionRules } from "./wiring/retention-rules.ts";
import { CertificateInForce } from "./wiring/server-certificate.ts";
import { openTelemetry } from "./wiring/telemetry.ts";
import { openApiKeys, openOperators } from "./wiring/tokens.ts";
import { trailEvents } from "./wiring/trail-events.ts";
import { upstreamHealth } from "./wiring/upstream-health.ts";
import { openWayOut } from "./wiring/way-out.ts";

export { openPostgresReadOnly } from "./storage/postgres/open.ts";
export type { ReadOnlyRecord } from "./storage/read-only.ts";
export { backUpDatabase } from "./storage/sqlite/backup.ts";
export { type DataUse, dataUse, type InspectedData, inspectData } from "./storage/sqlite/inspect.ts";
export { openSqliteReadOnly } from "./storage/sqlite/open.ts";
export { openSqliteWitnessStore } from "./storage/sqlite/witness-store.ts";

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
  const closing = new Closing(log);
  try {
    return await openOn(closing, loaded, version, log);
  } catch (fault) {
    // What hindered the start is told; what it hindered in turn is in the log.
    await closing.close().catch(() => undefined);
    throw fault;
  }
}

async function openOn(
  closing: Closing,
  loaded: LoadedConfig,
  version: string,
  log: Logger,
): Promise<Gateway> {
  const now = (): number => systemClock.now();
  const storage = await openStorage(loaded, log);
  closing.add("storage", () => storage.close());
  const origin = (await storage.log.identity())?.origin ?? null;
  const kek = await openKek(loaded.keysFolder, origin === null, process.env, (warning) => log.warn(warning));
  const rootKey = await openRootKey(kek, storage.payloads, origin === null);
  const wayOut = { loaded, storage, kek, events: () => events.secrets, now, closing, log };
  const { secrets, egress, witnesses } = await openWayOut(wayOut);
  const { trail, subjects, payloads, dataKeys, instance } = await openRecord({
    log: storage.log,
    payloads: storage.payloads,
    keysFolder: loaded.keysFolder,
    kek,
    origin,
    version,
    faults: log,
    witnesses,
  });
  closing.add("trail", () => trail.close());
  closing.add("payloads", () => payloads.flush());
  const usage = new UsageProjection(storage.log, storage.usage, (application, user) => {
    const groups = inForce.current.applications.get(application)?.groups ?? [];
    return countedSubjects(application, groups, user, policies.counters);
  });
  let counting = false;
  closing.add("usage", async () => {
    await usage.stop();
    // Before a config is in force nobody knows for whom to count.
    if (counting) await usage.catchUp();
  });
  const events = trailEvents(trail, subjects);
  const policies = await openPolicies(loaded, storage.revisions, events.policies, log);
  closing.add("policies", () => policies.close());
  const telemetry = openTelemetry({ config: loaded.config, trail, egress, secrets, version, log });
  closing.add("telemetry", () => telemetry.close());
  const late = new LateCompletions((entries) => telemetry.trail.append(entries));
  closing.add("late completions", () => late.close());
  const tokens = {
    storage,
    subjects,
    events,
    rootKey,
    keysFolder: loaded.keysFolder,
    config: () => config.config,
    log,
  };
  const known = await openOperators(tokens);
  const configured = configuredParts(loaded.config, secrets, egress, known.bootstrapVote);
  const keys = await openApiKeys(tokens, { has: (name) => inForce.current.applications.has(name) });
  const reservations = new Reservations(storage.counters, instance, (call, fault) =>
    log.error({ call, fault: String(fault) }, "what a call used could not be settled"),
  );
  const desk = openApprovals({
    store: storage.approvals,
    trail,
    subjects,
    dataKeys,
    rootKey,
    instance,
    config: () => config.config,
    gateway: () => inForce.current,
    mayVote: (voter) => whyNoVote(known.voters, voter),
    stands: (voter, method) => method === "bootstrap" || known.voters.isEnrolled(voter),
    // Where no others write, every other instance is one of before.
    hasEnded: async (other) => storage.log.peers?.hasEnded(other) ?? other !== instance,
    faults: approvalFaults(log),
  });
  closing.add("approvals", () => desk.stop());
  const feed = new ApprovalFeed(desk);
  const { changes } = storage;
  changes?.watch("keys", () => keys.refresh());
  changes?.watch("operators", () => known.refresh());
  changes?.watch("secrets", async () => secrets.forget());
  changes?.watch("policies", () => policies.follow());
  changes?.watch("approvals", async (holds) => {
    await Promise.all([desk.lookAgain(holds), feed.lookAgain(holds)]);
  });
  await changes?.start();
  const current = (): boolean => changes?.current ?? true;
  const operatorHolder: { file: OperatorFile | null } = { file: null };
  const standing: Omit<GatewayParts, keyof typeof configured.parts> = {
    clock: systemClock,
    health: upstreamHealth(log),
    keys: new KeyIdentifier(keys, now, current),
    policy: policies,
    trail: telemetry.trail,
    subjects,
    payloads,
    log,
    statusOf: (refusal) => refusalClasses[refusal.reason].status,
    messageOf: refusalMessage,
    late,
    reservations,
    watch: telemetry.watch,
    holding: holdingOf({
      desk,
      rootKey,
      keys,
      subjects,
      config: () => config.config,
      gateway: () => inForce.current,
      url: () => operatorHolder.file?.url ?? "",
      current,
    }),
    inForce: () => inForce.current,
  };
  const inForce = new PartsInForce({ ...standing, ...configured.parts });
  const config = new ConfigInForce({
    loaded,
    configured,
    secrets,
    useNote: known.bootstrapVote,
    policies,
    log,
    record: async (next) => {
      for (const { name } of next.config.applications) await subjects.applicationId(name);
      await trail.append([events.config(next.digest)]);
    },
    putInForce: (next) => {
      telemetry.rename(next.config);
      return inForce.replace({ ...standing, ...next.parts });
    },
  });
  closing.add("config", () => config.close());
  await config.recordFirst();
  const retention = new PayloadRetention({
    log: storage.log,
    store: storage.payloads,
    now,
    rules: () => retentionRules(config.config),
    record: async (expired) => void (await trail.append([events.payloadExpired(expired)])),
    onFault: (fault) => log.error({ fault: String(fault) }, "old payload could not be removed"),
  });
  closing.add("payload retention", () => retention.stop());
  retention.start();
  await desk.start();
  counting = true;
  await settleLeftovers(usage, reservations, log);
  usage.start(1000, (fault) => log.error({ fault: String(fault) }, "usage could not be counted"));
  const certificate = await CertificateInForce.open(loaded, log);
  const admission = new Admission(loaded.config.limits);
  const operators = { known, operatorHolder, current };
  const onFault = (fault: Error, route: string): void =>
    log.error({ route, fault: fault.message }, "an admin request met a fault");
  const server = await httpServer({
    inForce,
    admission,
    log: logServices({ trail, log: storage.log, operators, config: () => config.config, onFault }),
    admin: adminServices({
      approvals: { desk, subjects, gateway: () => inForce.current, log: storage.log },
      feed,
      keys,
      secrets,
      log: storage.log,
      trail,
      payloads,
      usage,
      usageStore: storage.usage,
      standing: () =>
        standingCounters(storage.counters, configuredSubjects(inForce.current.applications), now()),
      policies,
      revisions: storage.revisions,
      operators,
      onFault,
    }),
    trustedProxies: loaded.config.server.trusted_proxies,
    bodyBytes: loaded.config.limits.body,
    headerBytes: loaded.config.limits.headers,
    connections: loaded.config.limits.connections,
    onFull: () => desk.yieldOne(),
    tls: certificate?.current ?? null,
    onRefused: ({ reason }) => telemetry.refused(reason),
    ready: () => trail.available && current() && policies.inStep,
  });
  closing.add("server", () => {
    desk.drain();
    feed.close();
    return server.close(config.drainMs);
  });
  const scraped = openMetrics({
    config: loaded.config,
    telemetry,
    admission,
    late,
    trail,
    storage,
    certificate,
    secrets,
    witnesses,
    log,
  });
  if (scraped !== null) {
    closing.add("metrics", () => scraped.server.close());
    log.info({ url: await listen(scraped.server, scraped.address, "metrics.listen") }, "metrics");
  }
  const address = await listen(server, loaded.config.server.listen, "server.listen");
  // The name in the certificate is the one that the command line can check.
  const named = certificate === null ? null : loaded.config.server.public_url;
  const operator = await writeOperatorFile(loaded.dataFolder, named ?? address);
  operatorHolder.file = operator;
  return {
    url: loaded.config.server.public_url ?? address,
    operator,
    keys,
    reload: async (next) => {
      await certificate?.renew((renewed) => server.replaceTls(renewed));
      await config.replace(next);
    },
    close: () => closing.close(),
  };
}

/** The data folder holds the operator's token in either case. */
async function openStorage({ config, dataFolder }: LoadedConfig, log: Logger): Promise<Storage> {
  if (config.database === undefined) return openSqliteStorage(dataFolder);
  makeOwnFolder(dataFolder);
  return openPostgresStorage({ url: config.database, warn: (warning) => log.warn(warning) });
}
