// Which names may become labels. Clients write model names as they like, and each new one would be a series for ever; so
// only what the config names is told apart.

/** In place of every name that the config does not hold. */
export const otherName = "other";

export interface NamesInConfig {
  readonly applications: readonly string[];
  /** Models by provider: those it lists, those that aliases lead to, those with a price. */
  readonly models: ReadonlyMap<string, ReadonlySet<string>>;
}

export class KnownNames {
  #names: NamesInConfig;
  #applications: ReadonlySet<string>;

  constructor(names: NamesInConfig) {
    this.#names = names;
    this.#applications = new Set(names.applications);
  }

  /** For a changed config. What was counted under earlier names stays. */
  replace(names: NamesInConfig): void {
    this.#names = names;
    this.#applications = new Set(names.applications);
  }

  application(name: string): string {
    return this.#applications.has(name) ? name : otherName;
  }

  provider(name: string): string {
    return this.#names.models.has(name) ? name : otherName;
  }

  model(provider: string, model: string): string {
    return this.#names.models.get(provider)?.has(model) === true ? model : otherName;
  }
}
