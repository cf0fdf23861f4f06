// The policies in force: loaded at start, replaced as a whole when the folder changes and is valid, kept when it is not.

import { type FSWatcher, watch } from "node:fs";
import type { EncodedEntry } from "../core/entry.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { cedarEngine } from "./cedar-engine.ts";
import { actionId, CedarRequests } from "./cedar-request.ts";
import { type DecisionBasis, decideWith } from "./decide.ts";
import type { Decision, DecisionPoint, DecisionRequest } from "./decision.ts";
import { cacheKey, DecisionCache } from "./decision-cache.ts";
import { type LoadedPolicies, loadPolicies } from "./load.ts";
import type { PolicyProblem } from "./problem.ts";
import { type Revision, revisionOf } from "./revision.ts";
import type { RevisionStore } from "./revision-store.ts";
import type { PolicyWorld } from "./world.ts";

export interface PolicyEvents {
  activated(event: {
    readonly revision: string;
    readonly previous: string | null;
    readonly policies: number;
    readonly engine: string;
  }): EncodedEntry;
}

export interface ActivePoliciesOptions {
  readonly folder: string;
  readonly world: PolicyWorld;
  readonly store: RevisionStore;
  readonly events: PolicyEvents;
  readonly now: () => number;
  readonly onActivated: (revision: string) => void;
  /** The folder has changed and cannot be used; what was in force stays in force. */
  readonly onProblem: (problems: readonly PolicyProblem[]) => void;
}

interface Active {
  readonly basis: DecisionBasis;
  readonly cache: DecisionCache;
}

/** A change of several files settles within this. */
const settleMs = 150;

export class ActivePolicies implements DecisionPoint {
  readonly #options: ActivePoliciesOptions;
  #active: Active;
  #watcher: FSWatcher | null = null;
  #timer: NodeJS.Timeout | null = null;
  #reloading: Promise<unknown> = Promise.resolve();

  private constructor(options: ActivePoliciesOptions, active: Active) {
    this.#options = options;
    this.#active = active;
  }

  /** Loads and activates the folder. A broken folder is a failure: the gateway does not start on it. */
  static async open(
    options: ActivePoliciesOptions,
  ): Promise<Result<ActivePolicies, readonly PolicyProblem[]>> {
    const loaded = await loadPolicies(options.folder, options.world);
    if (!loaded.ok) return fail(loaded.failure);
    return ok(new ActivePolicies(options, await activate(options, loaded.value)));
  }

  get revision(): string {
    return this.#active.basis.revision;
  }

  decide(request: DecisionRequest): Decision {
    const { basis, cache } = this.#active;
    const slice = basis.evaluator.slice(actionId(request));
    if (slice === null) return decideWith(basis, request);
    const key = cacheKey(request, slice.reads);
    const remembered = cache.get(key);
    if (remembered !== undefined) return remembered;
    const decision = decideWith(basis, request);
    cache.set(key, decision);
    return decision;
  }

  /** Reads the folder again; one at a time. The running policies stay unless the whole new set is valid and recorded. */
  reload(): Promise<Result<string, readonly PolicyProblem[]>> {
    const reloaded = this.#reloading.then(() => this.#reload());
    this.#reloading = reloaded.catch(() => undefined);
    return reloaded;
  }

  /** Reloads when the folder changes, once it has been quiet for a moment. */
  watch(): void {
    this.#watcher ??= watch(this.#options.folder, { recursive: true }, () => {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.reload().catch(() => undefined), settleMs);
      this.#timer.unref();
    });
    this.#watcher.unref();
  }

  async close(): Promise<void> {
    this.#watcher?.close();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#reloading;
  }

  async #reload(): Promise<Result<string, readonly PolicyProblem[]>> {
    const loaded = await loadPolicies(this.#options.folder, this.#options.world);
    if (!loaded.ok) {
      this.#options.onProblem(loaded.failure);
      return loaded;
    }
    if (revisionOf(loaded.value, this.#options.world).id === this.revision) return ok(this.revision);
    this.#active = await activate(this.#options, loaded.value);
    this.#options.onActivated(this.revision);
    return ok(this.revision);
  }
}

/** INVARIANT: a revision is durable in the store and on the trail before it decides anything. */
async function activate(options: ActivePoliciesOptions, loaded: LoadedPolicies): Promise<Active> {
  const revision = revisionOf(loaded, options.world);
  await record(options, loaded, revision);
  const basis: DecisionBasis = {
    evaluator: cedarEngine(loaded, options.world),
    requests: new CedarRequests(options.world),
    signOffs: options.world.signOffs,
    reasons: new Map(loaded.policies.map((policy) => [policy.id, policy.reason])),
    revision: revision.id,
  };
  return { basis, cache: new DecisionCache() };
}

async function record(
  options: ActivePoliciesOptions,
  loaded: LoadedPolicies,
  revision: Revision,
): Promise<void> {
  const previous = await options.store.active();
  if (previous === revision.id) return;
  const entry = options.events.activated({
    revision: revision.id,
    previous,
    policies: loaded.policies.length,
    engine: revision.engine,
  });
  const activatedAt = options.now();
  await options.store.activate({ revision: revision.id, content: revision.content, activatedAt }, entry);
}
