// The policies in force: loaded at start, replaced as a whole when the folder changes and is valid, kept when it is not.

import type { EncodedEntry } from "../core/entry.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { CedarEngines } from "./cedar-engine.ts";
import { type Decider, decider } from "./decider.ts";
import type { Decision, DecisionPoint, DecisionRequest } from "./decision.ts";
import type { Evaluator } from "./evaluator.ts";
import { defaultWatchTimes, type FolderWatch, type WatchTimes, watchFolder } from "./folder-watch.ts";
import { type LoadedPolicies, loadPolicies, loadPolicyFiles } from "./load.ts";
import { type PolicyProblem, problemAt } from "./problem.ts";
import { filesIn } from "./revision.ts";
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
  /** Why it cannot decide by the revision that is in force, or null. */
  #outOfStep: string | null = null;
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

  /** Whether it decides by the revision that is in force for all gateways on the same data. */
  get inStep(): boolean {
    return this.#outOfStep === null;
  }

  decide(request: DecisionRequest, given?: readonly string[]): Decision {
    if (this.#outOfStep === null) return this.#active.decide(request, given);
    const { revision } = this;
    return { outcome: "deny", policies: [], signOffs: [], shadow: null, error: this.#outOfStep, revision };
  }

  /**
   * Another gateway may have put another revision in force. This one does the same, by what is kept of it and not by its own
   * folder, and denies everything while it cannot. Rejects when the store cannot be read.
   */
  follow(): Promise<void> {
    const followed = this.#reloading.then(() => this.#follow());
    this.#reloading = followed.catch(() => undefined);
    return followed;
  }

  /**
   * Reads the folder again; one at a time. What runs stays unless the whole new set is valid and its activation is
   * durable; both are then true for calls that begin after this resolves. Gives the revision in force. Never rejects.
   * With a `world`, the config's names are new too, and stay so only if the set is valid in it.
   */
  reload(world?: PolicyWorld): Promise<ReloadResult> {
    const reloaded = this.#reloading.then(() => this.#reload(world ?? this.#world, world !== undefined));
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

  async #reload(world: PolicyWorld, isAsked: boolean): Promise<ReloadResult> {
    try {
      const loaded = await loadPolicies(this.#options.folder, world);
      if (!loaded.ok) return this.#kept(loaded.failure);
      const { id } = loaded.value.revision;
      // A config that lags behind the others' must not take theirs back because a file was touched.
      const lags = !this.inStep && !isAsked && (await this.#options.store.active()) !== id;
      if (lags) return this.#kept(this.#lagging());
      if (id !== this.revision || !this.inStep) await this.#activate(loaded.value);
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

  async #follow(): Promise<void> {
    const { store } = this.#options;
    const active = await store.active();
    if (active !== null && active !== this.revision) {
      const files = filesIn((await store.byRevision(active))?.content ?? "");
      const loaded = files === null ? null : loadPolicyFiles(files, this.#world);
      if (loaded?.ok !== true || loaded.value.revision.id !== active) {
        const told = this.#outOfStep !== null;
        this.#outOfStep = "another gateway has put policies in force that do not go with this one's config";
        if (!told) this.#options.onProblem(this.#lagging());
        return;
      }
      this.#putInForce(prepare(this.#engines, loaded.value));
    }
    this.#outOfStep = null;
  }

  #lagging(): readonly PolicyProblem[] {
    const help = "give all gateways the same config and policies; until then this one denies everything";
    return [problemAt(".", "", null, this.#outOfStep ?? "", help)];
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
    this.#putInForce(prepared);
  }

  #putInForce({ engine, decider: active }: Prepared): void {
    this.#engines.putInForce(engine);
    this.#active = active;
    this.#outOfStep = null;
    this.#options.onActivated(this.revision);
  }
}

interface Prepared {
  readonly engine: Evaluator;
  readonly decider: Decider;
}

function prepare(engines: CedarEngines, loaded: LoadedPolicies): Prepared {
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
