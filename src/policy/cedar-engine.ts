// Evaluation by Cedar's own WASM build. Preparsed policy sets stay in its memory for good under the id they were given,
// so two sets of ids take turns: one is in force while the other is prepared.

import { randomUUID } from "node:crypto";
import {
  type AuthorizationAnswer,
  type CheckParseAnswer,
  preparsePolicySet,
  preparseSchema,
  statefulIsAuthorized,
} from "@cedar-policy/cedar-wasm/nodejs";
import type { CedarRequest } from "./cedar-request.ts";
import { approvalsFact, signedOffFact } from "./context-facts.ts";
import type { Evaluation, Evaluator } from "./evaluator.ts";
import type { LoadedPolicies } from "./load.ts";
import type { PolicyGroup, Slice } from "./slice.ts";

/** Owns the ids. The WASM memory belongs to the process, so every owner has a name of its own. */
export class CedarEngines {
  readonly #slots: readonly [Slot, Slot];
  #inForce: Slot | null = null;

  constructor(name: string = randomUUID()) {
    this.#slots = [
      { name: `${name}/a`, sets: 0, engine: null },
      { name: `${name}/b`, sets: 0, engine: null },
    ];
  }

  /** An engine beside the one in force. It works until the next one is prepared, or for as long as it is in force. Throws when Cedar refuses what the loader accepted. */
  prepare(loaded: LoadedPolicies, slices: ReadonlyMap<string, Slice>): Evaluator {
    const [first, second] = this.#slots;
    const slot = this.#inForce === first ? second : first;
    // From here on the engine that had this slot answers with errors, and never with the other's policies.
    slot.engine = null;
    accepted(preparseSchema(slot.name, loaded.schema));
    const setIds = preparse(slot, slices);
    const engine: Evaluator = {
      evaluate: (request, approvals, shadowed) => {
        const ids = setIds.get(request.action.id);
        const setId = shadowed ? ids?.shadowed : ids?.enforced;
        if (slot.engine !== engine) return failed("the policies were replaced while they were evaluated");
        if (setId === undefined) return failed("no policy knows the action");
        return evaluate(slot.name, setId, request, approvals);
      },
    };
    slot.engine = engine;
    return engine;
  }

  /** From now on `prepare` leaves this engine alone. */
  putInForce(engine: Evaluator): void {
    const slot = this.#slots.find((one) => one.engine === engine);
    if (slot === undefined) throw new Error("the engine has been replaced");
    this.#inForce = slot;
  }
}

interface Slot {
  readonly name: string;
  /** How many policy sets it has ever held; those no longer needed are emptied. */
  sets: number;
  engine: Evaluator | null;
}

interface SetIds {
  readonly enforced: string;
  /** Undefined when no shadow speaks on the action. */
  readonly shadowed: string | undefined;
}

function preparse(slot: Slot, slices: ReadonlyMap<string, Slice>): ReadonlyMap<string, SetIds> {
  const distinct = [...new Set(slices.values())].flatMap((slice): readonly PolicyGroup[] =>
    slice.shadowed === null ? [slice] : [slice, slice.shadowed],
  );
  const count = Math.max(slot.sets, distinct.length);
  slot.sets = count;
  for (let index = 0; index < count; index += 1) {
    const policies = distinct[index]?.policies ?? [];
    const staticPolicies = Object.fromEntries(policies.map(({ id, source }) => [id, source.text]));
    accepted(preparsePolicySet(`${slot.name}/${index}`, { staticPolicies }));
  }
  const idOf = (group: PolicyGroup): string => `${slot.name}/${distinct.indexOf(group)}`;
  return new Map(
    [...slices].map(([action, slice]) => {
      const shadowed = slice.shadowed === null ? undefined : idOf(slice.shadowed);
      return [action, { enforced: idOf(slice), shadowed }];
    }),
  );
}

function accepted(answer: CheckParseAnswer): void {
  if (answer.type === "success") return;
  throw new Error(
    `cedar refuses a validated policy set: ${answer.errors.map(({ message }) => message).join("; ")}`,
  );
}

function evaluate(
  schema: string,
  setId: string,
  request: CedarRequest,
  approvals: readonly string[],
): Evaluation {
  const context = {
    ...request.context,
    [approvalsFact]: [...approvals],
    [signedOffFact]: approvals.length > 0,
  };
  try {
    return evaluationOf(
      statefulIsAuthorized({
        principal: request.principal,
        action: request.action,
        resource: request.resource,
        context,
        entities: request.entities,
        preparsedSchemaName: schema,
        preparsedPolicySetId: setId,
        validateRequest: true,
      }),
    );
  } catch {
    return failed("the policy engine failed");
  }
}

// Cedar's own messages quote values, so that only the policies are named.
function evaluationOf(answer: AuthorizationAnswer): Evaluation {
  if (answer.type === "failure" || answer.warnings.length > 0) {
    return failed("the facts of the request do not fit the schema");
  }
  const { decision, diagnostics } = answer.response;
  if (diagnostics.errors.length > 0) {
    const policies = diagnostics.errors.map(({ policyId }) => policyId).sort();
    const names = policies.map((id) => `\`${id}\``).join(", ");
    return { outcome: "error", policies, error: `evaluating ${names} failed, so nothing is permitted` };
  }
  return { outcome: decision, policies: [...diagnostics.reason].sort() };
}

function failed(error: string): Evaluation {
  return { outcome: "error", policies: [], error };
}
