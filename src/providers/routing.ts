// From the model name that a client writes to the concrete targets behind it.

export interface RouteTarget {
  readonly provider: string;
  readonly model: string;
}

/** How long, and how often, a call tries to be answered. */
export interface CallPatience {
  /** Further tries at one target after its first. */
  readonly retries: number;
  /** In place of each target's own time from sending the request to the first byte; null leaves it. */
  readonly firstByteMs: number | null;
  /** All tries, waits and the answer together. */
  readonly totalMs: number;
}

export const usualPatience: CallPatience = { retries: 0, firstByteMs: null, totalMs: 3_600_000 };

export interface RoutingTable {
  /** The models each provider is narrowed to; null lets any name pass. */
  readonly providers: ReadonlyMap<string, readonly string[] | null>;
  /** Targets as `provider/model`, in the order in which they are tried. */
  readonly aliases: readonly {
    readonly name: string;
    readonly targets: readonly string[];
    /** Left out: that of the table. */
    readonly patience?: CallPatience;
  }[];
  /** Of calls that name no alias. Left out: `usualPatience`. */
  readonly patience?: CallPatience;
}

export interface ListedModel {
  /** What a client writes as `model`. */
  readonly id: string;
  readonly targets: readonly RouteTarget[];
}

export class Router {
  readonly #providers: ReadonlyMap<string, readonly string[] | null>;
  readonly #aliases: ReadonlyMap<string, readonly RouteTarget[]>;
  readonly #patience: CallPatience;
  readonly #aliasPatience: ReadonlyMap<string, CallPatience>;

  constructor(table: RoutingTable) {
    this.#providers = table.providers;
    this.#aliases = new Map(
      table.aliases.map((alias) => [alias.name, alias.targets.flatMap((id) => this.#concrete(id))]),
    );
    this.#patience = table.patience ?? usualPatience;
    this.#aliasPatience = new Map(
      table.aliases.flatMap(({ name, patience }) => (patience === undefined ? [] : [[name, patience]])),
    );
  }

  /** Of calls that ask for `name`. */
  patience(name: string): CallPatience {
    return this.#aliasPatience.get(name) ?? this.#patience;
  }

  /** The targets in order; empty when the name means nothing here. */
  resolve(name: string): readonly RouteTarget[] {
    return this.#aliases.get(name) ?? this.#concrete(name);
  }

  /** What can be listed: aliases, the models of providers that are narrowed to a list, and whatever else an alias leads to. */
  list(): readonly ListedModel[] {
    const aliases = [...this.#aliases].map(([id, targets]) => ({ id, targets }));
    const narrowed = [...this.#providers].flatMap(([provider, models]) =>
      (models ?? []).map((model) => ({ provider, model })),
    );
    const concrete = [...narrowed, ...aliases.flatMap((alias) => alias.targets)].map((target) => ({
      id: `${target.provider}/${target.model}`,
      targets: [target],
    }));
    const listed = [...aliases.filter((alias) => alias.targets.length > 0), ...concrete];
    return [...new Map(listed.map((model) => [model.id, model])).values()];
  }

  #concrete(id: string): readonly RouteTarget[] {
    const slash = id.indexOf("/");
    const provider = id.slice(0, slash);
    const model = id.slice(slash + 1);
    if (slash < 1 || model === "") return [];
    const models = this.#providers.get(provider);
    if (models === undefined || (models !== null && !models.includes(model))) return [];
    return [{ provider, model }];
  }
}
