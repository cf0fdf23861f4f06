// The policy set cut by action when it is loaded, since the cost of one evaluation grows with the number of policies.

import { approvalsFact, signedOffFact } from "./context-facts.ts";
import { contextReads } from "./context-reads.ts";
import { type CounterUse, counterUses } from "./counter-uses.ts";
import { appliesTo, isShadow, type ParsedPolicy } from "./parsed-policy.ts";
import { type PolicyWorld, requestActions, uncataloguedTool } from "./world.ts";

/** The policies whose scope lets them speak on an action: the others cannot change its decisions. */
export interface Slice extends PolicyGroup {
  /** Attributes of `context` that these policies and their shadows look at, sign-offs and counters aside. */
  readonly reads: readonly string[];
  readonly counters: readonly CounterUse[];
  /** The same policies and the shadows among them, as if these were enforced; null when there are no shadows. */
  readonly shadowed: PolicyGroup | null;
}

/** What is evaluated together. */
export interface PolicyGroup {
  readonly policies: readonly ParsedPolicy[];
  readonly readsSignOffs: boolean;
}

/** By action. Actions with the same policies have the same slice object. */
export function slicePolicies(
  policies: readonly ParsedPolicy[],
  world: PolicyWorld,
): ReadonlyMap<string, Slice> {
  const tools = new Set([uncataloguedTool, ...world.tools]);
  const slices = new Map<string, Slice>();
  return new Map(
    requestActions(world).map((action) => {
      const applying = policies.filter((policy) => appliesTo(policy, action, tools.has(action)));
      const ids = JSON.stringify(applying.map(({ id }) => id));
      const slice = slices.get(ids) ?? sliceOf(applying);
      slices.set(ids, slice);
      return [action, slice];
    }),
  );
}

function sliceOf(policies: readonly ParsedPolicy[]): Slice {
  const enforced = policies.filter((policy) => !isShadow(policy));
  const reads = readsOf(policies);
  reads.delete(approvalsFact);
  reads.delete(signedOffFact);
  return {
    ...groupOf(enforced),
    reads: [...reads].sort(),
    counters: counterUses(policies),
    shadowed: enforced.length === policies.length ? null : groupOf(policies),
  };
}

function groupOf(policies: readonly ParsedPolicy[]): PolicyGroup {
  const reads = readsOf(policies);
  return { policies, readsSignOffs: reads.has(approvalsFact) || reads.has(signedOffFact) };
}

function readsOf(policies: readonly ParsedPolicy[]): Set<string> {
  return new Set(policies.flatMap((policy) => [...contextReads(policy)]));
}
