// Decides for policy tests by the same parts as the gateway, and notes what each policy had to do with it.

import { CedarEngines } from "../cedar-engine.ts";
import { actionOf, cedarRequest } from "../cedar-request.ts";
import { counterUses } from "../counter-uses.ts";
import { decider } from "../decider.ts";
import type { Decision, DecisionPoint, DecisionRequest } from "../decision.ts";
import type { Evaluator } from "../evaluator.ts";
import type { LoadedPolicies } from "../load.ts";
import type { ParsedPolicy } from "../parsed-policy.ts";
import { type Slice, slicePolicies } from "../slice.ts";
import { namesOf, type WorldNames } from "../world-names.ts";

/** What the tests together have shown of one policy. */
export interface PolicyCoverage {
  readonly id: string;
  /** It determined the outcome of a test, or of a policy in shadow mode what it would have been. */
  readonly determined: boolean;
  /** Its scope and its conditions held in a test, whether or not it determined anything. */
  readonly satisfied: boolean;
}

export class TestBench {
  readonly #loaded: LoadedPolicies;
  readonly #slices: ReadonlyMap<string, Slice>;
  readonly #engine: Evaluator;
  /** Permits and forbids apart: Cedar names all policies that hold of the kind that wins. */
  readonly #apart: readonly Evaluator[];
  readonly #determined = new Set<string>();
  readonly #satisfied = new Set<string>();

  constructor(loaded: LoadedPolicies) {
    this.#loaded = loaded;
    this.#slices = slicePolicies(loaded.policies, loaded.world);
    this.#engine = new CedarEngines().prepare(loaded, this.#slices);
    this.#apart = (["permit", "forbid"] as const).map((effect) =>
      new CedarEngines().prepare(loaded, onlyThose(this.#slices, effect)),
    );
  }

  /** What decides for one test. With `groups` the application is in these. */
  decisionPoint(application: string, groups: readonly string[] | undefined): DecisionPoint {
    const { world } = this.#loaded;
    const applications = world.applications.map((one) =>
      one.name === application && groups !== undefined ? { ...one, groups } : one,
    );
    const asked = { ...this.#loaded, world: { ...world, applications } };
    const { revision, counters, decide } = decider(asked, this.#slices, this.#engine, null);
    const names = namesOf(asked);
    return {
      revision,
      counters,
      decide: (request) => {
        const decision = decide(request);
        for (const { id } of decision.policies) this.#determined.add(id);
        for (const { id } of decision.shadow?.policies ?? []) this.#determined.add(id);
        if (names.applications.has(application)) this.#noteOthers(request, names, decision);
        return decision;
      },
    };
  }

  /** Of the folder's own policies, in their order. */
  coverage(): readonly PolicyCoverage[] {
    return this.#loaded.policies.slice(this.#loaded.builtIn).map(({ id }) => ({
      id,
      determined: this.#determined.has(id),
      satisfied: this.#satisfied.has(id),
    }));
  }

  #noteOthers(request: DecisionRequest, names: WorldNames, decision: Decision): void {
    if (!this.#slices.has(actionOf(request))) return;
    const asked = cedarRequest(request, names, counterUses(this.#loaded.policies));
    if (decision.outcome === "hold") {
      // Without the permits that take effect once it is signed off, it would be a deny.
      const { policies } = this.#engine.evaluate(asked, decision.signOffs, false);
      for (const id of policies) this.#determined.add(id);
    }
    // A permit may wait for sign-offs, and a forbid be lifted by them.
    const { signOffs } = this.#loaded.world;
    for (const approvals of request.action === "approve" ? [signOffs] : [[], signOffs]) {
      for (const engine of this.#apart) {
        const { outcome, policies } = engine.evaluate(asked, approvals, false);
        if (outcome !== "error") for (const id of policies) this.#satisfied.add(id);
      }
    }
  }
}

function onlyThose(
  slices: ReadonlyMap<string, Slice>,
  effect: ParsedPolicy["effect"],
): ReadonlyMap<string, Slice> {
  return new Map(
    [...slices].map(([action, slice]) => {
      const policies = (slice.shadowed ?? slice).policies.filter((policy) => policy.effect === effect);
      return [action, { ...slice, policies, shadowed: null }];
    }),
  );
}
