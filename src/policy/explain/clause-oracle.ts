// Whether a part of a policy holds, asked of Cedar itself: the part becomes a policy of its own with the same scope, so that
// an explanation cannot disagree with a decision.

import { type Expr, type PolicyJson, policyToText } from "@cedar-policy/cedar-wasm/nodejs";
import { CedarEngines } from "../cedar-engine.ts";
import type { CedarRequest } from "../cedar-request.ts";
import type { LoadedPolicies } from "../load.ts";
import { parsePolicyFile } from "../load.ts";

/** `false` for a scope that does not match; null when the part cannot be evaluated on its own. */
export type Holds = boolean | null;

export class ClauseOracle {
  readonly #engines = new CedarEngines();
  readonly #loaded: LoadedPolicies;
  readonly #request: CedarRequest;
  readonly #approvals: readonly string[];

  /** As if these sign-offs were given. */
  constructor(loaded: LoadedPolicies, request: CedarRequest, approvals: readonly string[]) {
    this.#loaded = loaded;
    this.#request = request;
    this.#approvals = approvals;
  }

  scopeHolds(policy: PolicyJson): Holds {
    return this.#holds({ ...policy, effect: "permit", annotations: {}, conditions: [] });
  }

  holds(policy: PolicyJson, body: Expr): Holds {
    return this.#holds({
      ...policy,
      effect: "permit",
      annotations: {},
      conditions: [{ kind: "when", body }],
    });
  }

  #holds(json: PolicyJson): Holds {
    const text = policyToText(json);
    if (text.type === "failure") return null;
    const parsed = parsePolicyFile({ name: "clause", text: text.text });
    if (!parsed.ok) return null;
    const slice = { policies: parsed.value, readsSignOffs: true, reads: [], counters: [], shadowed: null };
    const slices = new Map([[this.#request.action.id, slice]]);
    const { outcome } = this.#engines
      .prepare(this.#loaded, slices)
      .evaluate(this.#request, this.#approvals, false);
    return outcome === "error" ? null : outcome === "allow";
  }
}

/** The condition as Cedar writes it. */
export function expressionText(body: Expr): string {
  const whole = { op: "All" } as const;
  const answer = policyToText({
    effect: "permit",
    principal: whole,
    action: whole,
    resource: whole,
    conditions: [{ kind: "when", body }],
  });
  const text = answer.type === "success" ? answer.text : "";
  return /when \{\s*([\s\S]*?)\s*\};\s*$/.exec(text)?.[1] ?? text;
}
