// A decision request in Cedar's JSON. Every entity and value is built here from typed facts: no JSON of a caller's ever
// becomes Cedar JSON, so `__entity` and `__extn` in what they send are plain strings or nothing.

import type { CedarValueJson, EntityJson, TypeAndId } from "@cedar-policy/cedar-wasm/nodejs";
import type { ActionContext, DecisionRequest } from "./decision.ts";
import { type PolicyWorld, uncataloguedTool } from "./world.ts";

export interface CedarRequest {
  readonly principal: TypeAndId;
  readonly action: TypeAndId;
  readonly resource: TypeAndId;
  readonly context: Readonly<Record<string, CedarValueJson>>;
  /** The reachable ones: the principal with its groups, and the resource with what holds it. */
  readonly entities: EntityJson[];
}

export function actionId(request: DecisionRequest): string {
  if (request.action !== "call_tool") return request.action;
  return request.catalogued ? request.tool : uncataloguedTool;
}

export function resourceId(request: DecisionRequest): string {
  return request.action === "call_tool" ? request.tool : request.model;
}

export class CedarRequests {
  readonly #principals: ReadonlyMap<string, EntityJson>;

  constructor(world: PolicyWorld) {
    this.#principals = new Map(
      world.applications.map((application) => [
        application.name,
        {
          uid: uid("Application", application.name),
          attrs: { environment: application.environment, owner: application.owner },
          parents: application.groups.map((group) => uid("Group", group)),
        },
      ]),
    );
  }

  /** Null for an application that the config does not name. */
  build(request: DecisionRequest, approvals: readonly string[]): CedarRequest | null {
    const principal = this.#principals.get(request.principal.id);
    if (principal === undefined) return null;
    const resource = resourceEntity(request);
    return {
      principal: uid("Application", request.principal.id),
      action: uid("Action", actionId(request)),
      resource: uid(request.action === "call_tool" ? "Tool" : "Model", resourceId(request)),
      context: { ...cedarContext(request), approvals: [...approvals], signed_off: approvals.length > 0 },
      entities: [principal, resource],
    };
  }
}

/** A context attribute's value as the cache compares it; undefined when it is absent. */
export function contextValue(request: DecisionRequest, attribute: string): unknown {
  if (attribute === "hour") return new Date(request.context.time).getUTCHours();
  if (attribute === "weekday") return weekday(request.context.time);
  return Object.hasOwn(request.context, attribute) ? Reflect.get(request.context, attribute) : undefined;
}

function uid(type: string, id: string): TypeAndId {
  return { type: `Portcullis::${type}`, id };
}

function resourceEntity(request: DecisionRequest): EntityJson {
  if (request.action === "call_tool") {
    return { uid: uid("Tool", request.tool), attrs: { name: request.tool }, parents: [] };
  }
  const slash = request.model.indexOf("/");
  const provider = request.model.slice(0, slash);
  const name = request.model.slice(slash + 1);
  return {
    uid: uid("Model", request.model),
    attrs: { name, provider },
    parents: [uid("Provider", provider)],
  };
}

function cedarContext(request: DecisionRequest): Record<string, CedarValueJson> {
  const { context } = request;
  const shared = {
    labels: context.labels.map(String),
    ...(context.user === undefined ? {} : { user: String(context.user) }),
    source_address: extension("ip", context.source_address),
    time: extension("datetime", new Date(context.time).toISOString()),
    hour: new Date(context.time).getUTCHours(),
    weekday: weekday(context.time),
  };
  if (isAction(request)) return { ...shared, ...actionFacts(request.context) };
  const call = request.context;
  return {
    ...shared,
    ...(request.action === "use_feature" ? { feature: String(request.context.feature) } : {}),
    requested_model: String(call.requested_model),
    message_count: call.message_count,
    input_tokens: call.input_tokens,
    ...(call.output_limit === undefined ? {} : { output_limit: call.output_limit }),
    stream: call.stream,
    tools: call.tools.map(String),
    has_images: call.has_images,
    has_audio: call.has_audio,
    has_files: call.has_files,
  };
}

function isAction(request: DecisionRequest): request is Extract<DecisionRequest, { action: "call_tool" }> {
  return request.action === "call_tool";
}

function actionFacts(context: ActionContext): Record<string, CedarValueJson> {
  return {
    source: context.source,
    application: String(context.application),
    effect: context.effect,
    unattended: context.unattended,
  };
}

function extension(fn: string, arg: string): CedarValueJson {
  return { __extn: { fn, arg } };
}

/** 1 is Monday, 7 is Sunday (ISO 8601), in UTC. */
function weekday(time: number): number {
  return new Date(time).getUTCDay() || 7;
}
