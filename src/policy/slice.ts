// The policy set cut by action when it is loaded, since the cost of one evaluation grows with the number of policies.

import { approvalsFact, signedOffFact } from "./context-facts.ts";
import { contextReads } from "./context-reads.ts";
import { appliesTo, type ParsedPolicy } from "./parsed-policy.ts";
import { type PolicyWorld, requestActions, uncataloguedTool } from "./world.ts";

/** The policies whose scope lets them speak on an action: the others cannot change its decisions. */
export interface Slice {
  readonly policies: readonly ParsedPolicy[];
  /** Attributes of `context` that these policies look at, sign-offs aside. */
  readonly reads: readonly string[];
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
  const reads = new Set(policies.flatMap((policy) => [...contextReads(policy)]));
  const readsSignOffs = reads.has(approvalsFact) || reads.has(signedOffFact);
  reads.delete(approvalsFact);
  reads.delete(signedOffFact);
  return { policies, reads: [...reads].sort(), readsSignOffs };
}
