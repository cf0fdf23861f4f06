// The health of every target that is asked. It lives as long as its provider: one that a changed config makes anew starts
// with a clean slate.

import type { ModelProvider } from "./provider.ts";
import { type CircuitState, TargetHealth } from "./target-health.ts";

export interface UpstreamHealthOptions {
  /** Milliseconds that only go forward. */
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Told when a circuit opens, is probed, or closes. */
  readonly onCircuit: (target: { provider: string; model: string }, state: CircuitState) => void;
}

/** Model names can be the client's: beyond this many of one provider those that were not asked for longest are forgotten. */
const maxModels = 1000;

export class UpstreamHealth {
  readonly #options: UpstreamHealthOptions;
  readonly #models = new WeakMap<ModelProvider, Map<string, TargetHealth>>();

  constructor(options: UpstreamHealthOptions) {
    this.#options = options;
  }

  of(provider: ModelProvider, model: string): TargetHealth {
    let models = this.#models.get(provider);
    if (models === undefined) {
      models = new Map();
      this.#models.set(provider, models);
    }
    const known = models.get(model);
    if (known === undefined) return this.#add(models, provider.name, model);
    // A Map iterates in insertion order: names that one client makes up do not push out what others ask.
    models.delete(model);
    models.set(model, known);
    return known;
  }

  #add(models: Map<string, TargetHealth>, provider: string, model: string): TargetHealth {
    const { now, random, onCircuit } = this.#options;
    const health = new TargetHealth({
      now,
      random,
      onChange: (state) => onCircuit({ provider, model }, state),
    });
    if (models.size >= maxModels) {
      const [oldest = ""] = models.keys();
      models.delete(oldest);
    }
    models.set(model, health);
    return health;
  }
}
