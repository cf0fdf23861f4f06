// From the model name that a client writes to the concrete targets behind it.

export interface RouteTarget {
  readonly provider: string;
  readonly model: string;
}

export interface RoutingTable {
  /** The models each provider is narrowed to; null lets any name pass. */
  readonly providers: ReadonlyMap<string, readonly string[] | null>;
  /** Targets as `provider/model`, in the order in which they are tried. */
  readonly aliases: readonly { readonly name: string; readonly targets: readonly string[] }[];
}

export interface ListedModel {
  /** What a client writes as `model`. */
  readonly id: string;
  readonly targets: readonly RouteTarget[];
}

export class Router {
  readonly #providers: ReadonlyMap<string, readonly string[] | null>;
  readonly #aliases: ReadonlyMap<string, readonly RouteTarget[]>;

  constructor(table: RoutingTable) {
    this.#providers = table.providers;
    this.#aliases = new Map(
      table.aliases.map((alias) => [alias.name, alias.targets.flatMap((id) => this.#concrete(id))]),
    );
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
