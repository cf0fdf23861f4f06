// Where the parts are wired together: the only file that knows all of them, and the only one that opens storage.

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Logger } from "pino";
import { DataKeys } from "./audit/data-keys.ts";
import { openLogKey, openSubjectLookupKey } from "./audit/key-files.ts";
import { appendLeafHashes, leafHash } from "./audit/merkle-tree.ts";
import { Payloads } from "./audit/payloads.ts";
import { Subjects } from "./audit/subjects.ts";
import { Trail } from "./audit/trail.ts";
import type { LoadedConfig } from "./config/load.ts";
import { systemClock } from "./core/clock.ts";
import { newId } from "./core/id.ts";
import { OperatorError } from "./core/operator-error.ts";
import { EmbeddedSecretStore } from "./credentials/embedded-secret-store.ts";
import { openKek } from "./credentials/kek.ts";
import { ToolCatalog } from "./facts/tool-catalog.ts";
import { Admission } from "./gateway/admission.ts";
import { LateCompletions } from "./gateway/late-completions.ts";
import type { GatewayParts } from "./gateway/parts.ts";
import { refusalClasses } from "./http/refusal-classes.ts";
import { refusalMessage } from "./http/refusal-message.ts";
import { httpServer } from "./http/server.ts";
import { ApiKeys } from "./identity/api-keys.ts";
import { KeyIdentifier } from "./identity/identify.ts";
import { type OperatorFile, writeOperatorFile } from "./identity/operator-token.ts";
import { ActivePolicies } from "./policy/active-policies.ts";
import { formatProblem } from "./policy/problem.ts";
import { Router } from "./providers/routing.ts";
import { openSqliteLogReadOnly, openSqliteStorage } from "./storage/sqlite/open.ts";
import { PriceBook } from "./usage/price-book.ts";
import { UsageProjection } from "./usage/usage-projection.ts";
import { adminServices } from "./wiring/admin-services.ts";
import { policyWorld } from "./wiring/policy-world.ts";
import { createProviders } from "./wiring/providers.ts";
import { trailEvents } from "./wiring/trail-events.ts";

export { openSqliteLogReadOnly };

export interface Gateway {
  readonly url: string;
  readonly operator: OperatorFile;
  readonly keys: ApiKeys;
  /** Finishes and records what is running, for at most `limits.drain`, then closes everything in order. */
  close(): Promise<void>;
}

/** Opens everything and listens. Throws `OperatorError` for what the operator can put right. */
export async function openGateway(loaded: LoadedConfig, version: string, log: Logger): Promise<Gateway> {
  const { config } = loaded;
  const storage = openSqliteStorage(loaded.dataFolder, { leafHash, appendLeafHashes });
  try {
    const identity = await storage.log.identity();
    const mayCreate = identity === null;
    const kek = await openKek(loaded.keysFolder, mayCreate, process.env);
    const origin = identity?.origin ?? `localhost/portcullis-${randomUUID().slice(0, 8)}`;
    const signer = await openLogKey(origin, { folder: loaded.keysFolder, mayCreate });
    const lookupKey = await openSubjectLookupKey({ folder: loaded.keysFolder, mayCreate });
    const trail = await Trail.open({
      store: storage.log,
      signer,
      headFile: join(loaded.keysFolder, "checkpoint"),
      instance: newId("inst", systemClock.now()),
      version,
      clock: systemClock,
      onFault: (fault) =>
        log.error({ during: fault.during, fault: fault.error.message }, "the trail met a fault"),
    });
    trail.startCheckpoints();
    const events = trailEvents(trail);
    const dataKeys = new DataKeys(storage.payloads, kek);
    const subjects = new Subjects({ store: storage.payloads, dataKeys, lookupKey, clock: systemClock });
    const payloads = new Payloads({
      store: storage.payloads,
      dataKeys,
      onLost: (lost) => log.error({ entry: lost.entryId, reason: lost.reason }, "payload could not be kept"),
    });
    const applications = new Map(
      config.applications.map(({ name, groups, payloads: level }) => [
        name,
        { name, groups, payloads: level ?? config.audit.payloads },
      ]),
    );
    for (const name of applications.keys()) await subjects.applicationId(name);
    const now = (): number => systemClock.now();
    const keys = await ApiKeys.open(storage.keys, events.keys, new Set(applications.keys()), now);
    const secrets = new EmbeddedSecretStore(storage.secrets, kek, events.secrets, now);
    const policies = await openPolicies(loaded, storage.revisions, events.policies, log);
    await trail.append([events.config(loaded.digest)]);
    const providers = createProviders(config, secrets);
    const admission = new Admission(config.limits);
    const late = new LateCompletions((entries) => trail.append(entries));
    const parts: GatewayParts = {
      clock: systemClock,
      keys: new KeyIdentifier(keys, now),
      applications,
      catalog: new ToolCatalog(config.tools),
      router: new Router({
        providers: new Map([...providers].map(([name, provider]) => [name, provider.models])),
        aliases: config.models,
      }),
      providers,
      policy: policies,
      trail,
      subjects,
      payloads,
      prices: new PriceBook(
        config.prices,
        new Map(
          Object.entries(config.providers).map(([name, one]) => [
            name,
            { type: one.type, pricesAs: one.type === "openai" ? one.prices_as : undefined },
          ]),
        ),
      ),
      limits: config.limits,
      log,
      statusOf: (refusal) => refusalClasses[refusal.reason].status,
      messageOf: refusalMessage,
      late,
    };
    const usage = new UsageProjection(storage.log, storage.usage);
    usage.start(1000, (fault) => log.error({ fault: String(fault) }, "usage could not be counted"));
    const operatorHolder: { file: OperatorFile | null } = { file: null };
    const server = await httpServer({
      parts,
      admission,
      admin: adminServices({
        keys,
        secrets,
        log: storage.log,
        usage,
        usageStore: storage.usage,
        policies,
        operatorHolder,
      }),
      trustedProxies: config.server.trusted_proxies,
      headerBytes: config.limits.headers,
      ready: () => trail.available,
    });
    const [host, port] = splitListen(config.server.listen);
    const address = await listen(server.app, host, port);
    const url = config.server.public_url ?? address;
    operatorHolder.file = await writeOperatorFile(loaded.dataFolder, address);
    const close = async (): Promise<void> => {
      const drained = admission.drain();
      const timer = setTimeout(() => server.abortAll(), config.limits.drain);
      await drained;
      clearTimeout(timer);
      await server.app.close();
      await policies.close();
      await Promise.all([...providers.values()].map((provider) => provider.close()));
      await late.close();
      await payloads.flush();
      await usage.stop();
      await usage.catchUp();
      await trail.close();
      await storage.close();
    };
    return { url, operator: operatorHolder.file, keys, close };
  } catch (fault) {
    await storage.close();
    throw fault;
  }
}

async function openPolicies(
  loaded: LoadedConfig,
  store: Parameters<typeof ActivePolicies.open>[0]["store"],
  events: Parameters<typeof ActivePolicies.open>[0]["events"],
  log: Logger,
): Promise<ActivePolicies> {
  const opened = await ActivePolicies.open({
    folder: loaded.policiesFolder,
    world: policyWorld(loaded.config),
    store,
    events,
    now: () => systemClock.now(),
    onActivated: (revision) => log.info({ revision }, "policies activated"),
    onProblem: (problems) =>
      log.error(
        { problems: problems.map(formatProblem) },
        "the changed policies cannot be used; the old ones stay in force",
      ),
  });
  if (!opened.ok) {
    const problems = opened.failure.map(formatProblem).join("\n");
    throw new OperatorError(`the policies in \`${loaded.policiesFolder}\` cannot be used:\n${problems}`);
  }
  if (loaded.config.policies.activate === "on_change") opened.value.watch();
  return opened.value;
}

async function listen(
  app: { listen(o: { host: string; port: number }): Promise<string> },
  host: string,
  port: number,
): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (fault) {
    const code = fault instanceof Error && "code" in fault ? String(fault.code) : "unknown";
    throw new OperatorError(
      `cannot listen on \`${host}:${port}\` (${code}); change \`server.listen\` or use --listen`,
    );
  }
}

function splitListen(listen: string): readonly [string, number] {
  const colon = listen.lastIndexOf(":");
  return [listen.slice(0, colon).replace(/^\[|\]$/g, ""), Number(listen.slice(colon + 1))];
}
