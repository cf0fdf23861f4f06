// The models that a caller's policies permit: what would be refused anyway is not offered.

import type { Refusal } from "../core/refusal.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { DecisionRequest } from "../policy/decision.ts";
import { type RequestHeaders, targetId } from "./call.ts";
import type { GatewayParts } from "./parts.ts";
import { recognise } from "./steps/identify.ts";

interface Model {
  readonly id: string;
  readonly object: "model";
  readonly created: number;
  readonly owned_by: string;
}

/** All of them, or the one that `id` names. A model that needs a sign-off counts as permitted. */
export function listModels(
  parts: Pick<GatewayParts, "keys" | "applications" | "router" | "policy" | "clock">,
  headers: RequestHeaders,
  sourceAddress: string,
  id: string | null,
): Result<Model | { readonly object: "list"; readonly data: readonly Model[] }, Refusal> {
  const holder = recognise(parts, headers, sourceAddress);
  if (!holder.ok) return holder;
  // Limits say when a model may be called, and not whether it is there.
  const counters = Object.fromEntries(
    parts.policy.counters.map(({ path, of }) => [path, of.kind === "user" ? null : 0]),
  );
  const permitted = (model: string): boolean =>
    (["chat", "embed"] as const).some((action) => {
      const request: DecisionRequest = {
        action,
        principal: { id: holder.value.application },
        model,
        context: { ...emptyFacts, counters, source_address: sourceAddress, time: parts.clock.now() },
      };
      return parts.policy.decide(request).outcome !== "deny";
    });
  if (id !== null) {
    const [target] = parts.router.resolve(id);
    if (target === undefined || !permitted(targetId(target)))
      return fail({ reason: "model_not_found", model: id });
    return ok(model(id, target.provider));
  }
  const listed = parts.router
    .list()
    .flatMap(({ id, targets: [target] }) =>
      target !== undefined && permitted(targetId(target)) ? [model(id, target.provider)] : [],
    );
  return ok({ object: "list", data: listed });
}

const emptyFacts = {
  requested_model: "",
  message_count: 0,
  input_tokens: 0,
  stream: false,
  tools: [],
  has_images: false,
  has_audio: false,
  has_files: false,
  labels: [],
} as const;

function model(id: string, provider: string): Model {
  return { id, object: "model", created: 0, owned_by: provider };
}
