// The policies in force: loaded at start, replaced as a whole when the folder changes and is valid, kept when it is not.

import type { EncodedEntry } from "../core/entry.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { CedarEngines } from "./cedar-engine.ts";
import { type Decider, decider } from "./decider.ts";
import type { Decision, DecisionPoint, DecisionRequest } from "./decision.ts";
import type { Evaluator } from "./evaluator.ts";
import { defaultWatchTimes, type FolderWatch, type WatchTimes, watchFolder } from "./folder-watch.ts";
import { type LoadedPolicies, loadPolicies } from "./load.ts";
import { type PolicyProblem, problemAt } from "./problem.ts";
import type { RevisionStore } from "./revision-store.ts";
import { slicePolicies } from "./slice.ts";
import type { PolicyWorld } from "./world.ts";

export interface PolicyEvents {
  /** The trail's entry of an activation. `policies` counts the floor's too. */
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
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Another revision decides from now on. */
  readonly onActivated: (revision: string) => void;
  /** The folder has changed and cannot be used; what was in force stays in force. */
  readonly onProblem: (problems: readonly PolicyProblem[]) => void;
}

type ReloadResult = Result<string, readonly PolicyProblem[]>;

export class ActivePolicies implements DecisionPoint {
  readonly #options: ActivePoliciesOptions;
  readonly #engines: CedarEngines;
  #world: PolicyWorld;
  #active: Decider;
  #watch: FolderWatch | null = null;
  #reloading: Promise<unknown> = Promise.resolve();

  private constructor(options: ActivePoliciesOptions, engines: CedarEngines, active: Decider) {
    this.#options = options;
    this.#world = options.world;
    this.#engines = engines;
    this.#active = active;
  }

  /**
   * Loads and activates the folder. A broken folder is a failure: the gateway does not start on it. Rejects when the
   * activation cannot be recorded.
   */
  static async open(
    options: ActivePoliciesOptions,
  ): Promise<Result<ActivePolicies, readonly PolicyProblem[]>> {
    const loaded = await loadPolicies(options.folder, options.world);
    if (!loaded.ok) return fail(loaded.failure);
    const engines = new CedarEngines();
    const prepared = prepare(engines, loaded.value);
    await record(options, loaded.value);
    engines.putInForce(prepared.engine);
    return ok(new ActivePolicies(options, engines, prepared.decider));
  }

  get revision(): string {
    return this.#active.revision;
  }

  get counters(): Decider["counters"] {
    return this.#active.counters;
  }

  decide(request: DecisionRequest): Decision {
    return this.#active.decide(request);
  }

  /**
   * Reads the folder again; one at a time. What runs stays unless the whole new set is valid and its activation is
   * durable; both are then true for calls that begin after this resolves. Gives the revision in force. Never rejects.
   * With a `world`, the config's names are new too, and stay so only if the set is valid in it.
   */
  reload(world?: PolicyWorld): Promise<ReloadResult> {
    const reloaded = this.#reloading.then(() => this.#reload(world ?? this.#world));
    this.#reloading = reloaded.catch(() => undefined);
    return reloaded;
  }

  /** Reloads whenever the folder has changed and come to rest. */
  watch(times: WatchTimes = defaultWatchTimes): void {
    this.#watch ??= watchFolder(this.#options.folder, () => void this.reload(), times);
  }

  /** Ends watching and waits for a reload under way; decisions go on as they are. */
  async close(): Promise<void> {
    this.#watch?.close();
    await this.#reloading;
  }

  async #reload(world: PolicyWorld): Promise<ReloadResult> {
    try {
      const loaded = await loadPolicies(this.#options.folder, world);
      if (!loaded.ok) return this.#kept(loaded.failure);
      if (loaded.value.revision.id !== this.revision) await this.#activate(loaded.value);
      this.#world = world;
      return ok(this.revision);
    } catch (fault) {
      const detail = fault instanceof Error ? fault.message : String(fault);
      const message = `the changed policies could not be put in force: ${detail}`;
      return this.#kept([
        problemAt(".", "", null, message, "what was in force stays; change the folder to try again"),
      ]);
    }
  }

  #kept(problems: readonly PolicyProblem[]): ReloadResult {
    this.#options.onProblem(problems);
    return fail(problems);
  }

  // INVARIANT: a revision is durable in the store and on the trail before it decides anything. Killed between the two,
  // the next start finds it active there and in the folder.
  async #activate(loaded: LoadedPolicies): Promise<void> {
    const prepared = prepare(this.#engines, loaded);
    await record(this.#options, loaded);
    this.#engines.putInForce(prepared.engine);
    this.#active = prepared.decider;
    this.#options.onActivated(this.revision);
  }
}

function prepare(engines: CedarEngines, loaded: LoadedPolicies): { engine: Evaluator; decider: Decider } {
  const slices = slicePolicies(loaded.policies, loaded.world);
  const engine = engines.prepare(loaded, slices);
  return { engine, decider: decider(loaded, slices, engine) };
}

// A revision that the store holds as active, with its content, went on the trail together with both, and a restart adds
// nothing. Where the content is not there or is another one, somebody has set the row by hand: then nothing says that the
// trail knows the revision, and it goes on record once more.
async function record(options: ActivePoliciesOptions, { revision, policies }: LoadedPolicies): Promise<void> {
  const { store, events, now } = options;
  const { id, content, engine } = revision;
  const previous = await store.active();
  // The content loaded is what the id is the hash of, so to be equal to it is to hash to the id.
  if (previous === id && (await store.byRevision(id))?.content === content) return;
  const entry = events.activated({ revision: id, previous, policies: policies.length, engine });
  await store.activate({ revision: id, content, activatedAt: now() }, entry);
}
