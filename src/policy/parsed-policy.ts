// One policy as the loader leaves it: its text for Cedar, and its JSON form in the plain shape that linting, slicing
// and caching work on.

import { type PolicyJson, policyToJson } from "@cedar-policy/cedar-wasm/nodejs";
import { fail, ok, type Result } from "../core/result.ts";
import { type Expression, expressionsIn, parseExpression } from "./expression.ts";
import { floorFile } from "./floor.ts";
import type { PolicySource } from "./split-policies.ts";
import { toolGroup } from "./world.ts";

export interface ParsedPolicy {
  /** The `@id`; empty while it is missing, which the linter refuses. */
  readonly id: string;
  readonly effect: "permit" | "forbid";
  /** By name; null for an annotation without a value. */
  readonly annotations: ReadonlyMap<string, string | null>;
  /** Ids of the actions and groups in the scope; null for every action. */
  readonly actions: readonly string[] | null;
  readonly conditions: readonly Condition[];
  /** Every entity that the policy names, those of the scope included. */
  readonly entities: readonly EntityName[];
  readonly source: PolicySource;
  /** The file's name, relative to the policy folder. */
  readonly file: string;
}

export interface Condition {
  readonly kind: "when" | "unless";
  readonly body: Expression;
}

export interface EntityName {
  readonly type: string;
  readonly id: string;
}

/** A failure is Cedar's message. */
export function parsePolicy(file: string, source: PolicySource): Result<ParsedPolicy, string> {
  const answer = policyToJson(source.text);
  if (answer.type === "failure") return fail(answer.errors.map((error) => error.message).join("; "));
  const { effect, annotations, action, conditions: clauses } = answer.json;
  const conditions = clauses.map(({ kind, body }) => ({ kind, body: parseExpression(body) }));
  const values = new Map<string, string | null>(Object.entries(annotations ?? {}));
  return ok({
    id: values.get("id") ?? "",
    effect,
    annotations: values,
    actions: action.op === "All" ? null : entitiesIn(action).map((entity) => entity.id),
    conditions,
    entities: [...scopeEntities(answer.json), ...conditions.flatMap(({ body }) => conditionEntities(body))],
    source,
    file,
  });
}

/** Whether the policy's scope lets it speak on the action. `call_tool` stands for every tool. */
export function appliesTo(policy: ParsedPolicy, action: string, isTool: boolean): boolean {
  const { actions } = policy;
  return actions === null || actions.includes(action) || (isTool && actions.includes(toolGroup));
}

/** Evaluated and recorded, and never enforced. The floor always is. */
export function isShadow({ annotations, file }: ParsedPolicy): boolean {
  return file !== floorFile && annotations.get(modeAnnotation) === shadowMode;
}

export const modeAnnotation = "mode";
export const shadowMode = "shadow";

function scopeEntities({ principal, resource }: PolicyJson): readonly EntityName[] {
  return [...entitiesIn(principal), ...entitiesIn(resource)];
}

function conditionEntities(body: Expression): readonly EntityName[] {
  return [...expressionsIn(body)].flatMap(({ value }) => entitiesIn(value));
}

// Constraints and literals nest entities as `{type, id}` in several ways, none of which holds anything else so named.
function entitiesIn(json: unknown): readonly EntityName[] {
  if (typeof json !== "object" || json === null) return [];
  const type: unknown = Reflect.get(json, "type");
  const id: unknown = Reflect.get(json, "id");
  if (typeof type === "string" && typeof id === "string") return [{ type, id }];
  return Object.values(json).flatMap(entitiesIn);
}
