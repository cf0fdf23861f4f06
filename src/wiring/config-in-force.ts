// The config in force, and how another takes its place while calls run: policies are checked against it first, it is on
// record before anybody works with it, and what does not hold leaves everything as it was.

import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import type { LoadedConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { EmbeddedSecretStore } from "../credentials/embedded-secret-store.ts";
import type { ActivePolicies } from "../policy/active-policies.ts";
import { type ConfiguredParts, configuredParts, retiredProviders } from "./configured-parts.ts";
import { openEgress } from "./egress.ts";
import type { UseNote } from "./noted-use.ts";
import { policyWorld } from "./policy-world.ts";

export interface ConfigInForceOptions {
  readonly loaded: LoadedConfig;
  readonly configured: ConfiguredParts;
  readonly secrets: Pick<EmbeddedSecretStore, "get">;
  readonly useNote: UseNote;
  readonly policies: Pick<ActivePolicies, "reload">;
  readonly log: Logger;
  /** Resolves when the config is on record. */
  readonly record: (loaded: LoadedConfig) => Promise<void>;
  /** Resolves when no call works with the parts before these any more. */
  readonly putInForce: (next: ConfiguredParts) => Promise<void>;
}

export class ConfigInForce {
  readonly #options: ConfigInForceOptions;
  #loaded: LoadedConfig;
  #configured: ConfiguredParts;
  #replacing: Promise<void> = Promise.resolve();

  constructor(options: ConfigInForceOptions) {
    this.#options = options;
    this.#loaded = options.loaded;
    this.#configured = options.configured;
  }

  get config(): Config {
    return this.#configured.config;
  }

  get drainMs(): number {
    return this.#configured.config.limits.drain;
  }

  recordFirst(): Promise<void> {
    return this.#options.record(this.#loaded);
  }

  /** One at a time. Never rejects: what cannot be put in force is said in the log, and the config stays as it was. */
  replace(loaded: LoadedConfig): Promise<void> {
    this.#replacing = this.#replacing.then(async () => {
      try {
        await this.#replace(loaded);
      } catch (fault) {
        this.#options.log.error({ fault: String(fault) }, "the changed config could not be put in force");
      }
    });
    return this.#replacing;
  }

  /** Waits for a replacement under way and closes the providers. */
  async close(): Promise<void> {
    await this.#replacing;
    await Promise.all([...this.#configured.parts.providers.values()].map((provider) => provider.close()));
  }

  async #replace(loaded: LoadedConfig): Promise<void> {
    const { log, policies, secrets, useNote } = this.#options;
    if (loaded.digest === this.#loaded.digest) return log.info("the config has not changed");
    const { config, restart } = withoutRestart(loaded.config, this.#loaded.config);
    const before = this.#configured;
    const egress = isDeepStrictEqual(config.egress, before.config.egress)
      ? before.egress
      : await openEgress({ config, folder: loaded.folder }, secrets);
    const next = configuredParts(config, secrets, egress, useNote, before);
    const reloaded = await policies.reload(policyWorld(config));
    if (!reloaded.ok) {
      await closeAll(retiredProviders(next, before));
      return log.error("the changed config does not go with the policies; the old one stays in force");
    }
    await this.#recordOr(loaded, async () => {
      // The policies were put in force for a config that is not: what they know is what the gate goes by again.
      await policies.reload(policyWorld(before.config));
      await closeAll(retiredProviders(next, before));
    });
    this.#loaded = loaded;
    this.#configured = next;
    const unused = this.#options.putInForce(next);
    log.level = config.log.level;
    log.info({ digest: loaded.digest }, "the changed config is in force");
    if (restart.length > 0) log.warn({ keys: restart }, "these changes take effect at the next start");
    unused
      .then(() => closeAll(retiredProviders(before, next)))
      .catch((fault: unknown) => log.error({ fault: String(fault) }, "a provider could not be closed"));
  }

  async #recordOr(loaded: LoadedConfig, undo: () => Promise<void>): Promise<void> {
    try {
      await this.#options.record(loaded);
    } catch (fault) {
      await undo();
      throw fault;
    }
  }
}

function closeAll(providers: ReturnType<typeof retiredProviders>): Promise<unknown> {
  return Promise.all(providers.map((provider) => provider.close()));
}

const atStart = ["server", "data", "database", "keys", "policies", "metrics", "telemetry"] as const;
const auditAtStart = ["witnesses", "witness_policy"] as const;
const limitsAtStart = ["body", "headers", "concurrency", "queue", "connections"] as const;

/** The new config with what only a start can change as it is now, and the keys that differ in it. */
function withoutRestart(next: Config, now: Config): { readonly config: Config; readonly restart: string[] } {
  const restart: string[] = [
    ...auditAtStart
      .filter((key) => !isDeepStrictEqual(next.audit[key], now.audit[key]))
      .map((key) => `audit.${key}`),
    ...atStart.filter((key) => !isDeepStrictEqual(next[key], now[key])),
    ...limitsAtStart.filter((key) => next.limits[key] !== now.limits[key]).map((key) => `limits.${key}`),
  ];
  const { server, data, database, keys, policies, metrics, telemetry } = now;
  const { body, headers, concurrency, queue, connections } = now.limits;
  const { witnesses, witness_policy } = now.audit;
  const audit = { ...next.audit, witnesses, witness_policy };
  const limits = { ...next.limits, body, headers, concurrency, queue, connections };
  return {
    config: { ...next, server, data, database, keys, policies, metrics, telemetry, audit, limits },
    restart,
  };
}
