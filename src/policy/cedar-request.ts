// A decision request in Cedar's terms. Everything is built here, from typed facts: a caller's string reaches Cedar as
// a string, whatever it looks like, and a value of another type than its fact's is refused.

import { isIP } from "node:net";
import type { CedarValueJson, Context, EntityJson, TypeAndId } from "@cedar-policy/cedar-wasm/nodejs";
import { fail, ok, type Result } from "../core/result.ts";
import { actionFacts, callFacts, clockFacts, type Fact, featureFacts } from "./context-facts.ts";
import type { DecisionRequest } from "./decision.ts";
import { type PolicyApplication, uncataloguedTool } from "./world.ts";

/** One question for the engine, sign-offs aside. */
export interface CedarRequest {
  readonly principal: TypeAndId;
  readonly action: TypeAndId;
  readonly resource: TypeAndId;
  readonly context: Context;
  /** Only what principal and resource lead to. */
  readonly entities: EntityJson[];
}

/** The id of the Cedar action. */
export function actionOf(request: DecisionRequest): string {
  if (request.action !== "call_tool") return request.action;
  return request.catalogued ? request.tool : uncataloguedTool;
}

/** A failure names what cannot be described, never its value. */
export function cedarRequest(
  request: DecisionRequest,
  applications: ReadonlyMap<string, PolicyApplication>,
): Result<CedarRequest, string> {
  const application = applications.get(request.principal.id);
  if (application === undefined) return fail("the application is not one that policies know");
  const resource = request.action === "call_tool" ? toolEntity(request.tool) : modelEntity(request.model);
  if (!resource.ok) return resource;
  const context = contextOf(request);
  if (!context.ok) return context;
  const principal = applicationEntity(application);
  return ok({
    principal: principal.uid,
    action: entityId("Action", actionOf(request)),
    resource: resource.value.uid,
    context: context.value,
    entities: [principal, resource.value],
  });
}

interface Entity extends EntityJson {
  uid: TypeAndId;
}

function applicationEntity({ name, groups, environment, owner }: PolicyApplication): Entity {
  const parents = groups.map((group) => entityId("Group", group));
  return { uid: entityId("Application", name), attrs: { environment, owner }, parents };
}

function modelEntity(id: string): Result<Entity, string> {
  const slash = id.indexOf("/");
  if (slash <= 0 || !id.isWellFormed()) return fail("the model is not PROVIDER/MODEL");
  const provider = id.slice(0, slash);
  const attrs = { name: id.slice(slash + 1), provider };
  return ok({ uid: entityId("Model", id), attrs, parents: [entityId("Provider", provider)] });
}

function toolEntity(name: string): Result<Entity, string> {
  if (!name.isWellFormed()) return fail("the tool's name is not text");
  return ok({ uid: entityId("Tool", name), attrs: { name }, parents: [] });
}

function entityId(type: string, id: string): TypeAndId {
  return { type: `Portcullis::${type}`, id };
}

function contextOf(request: DecisionRequest): Result<Context, string> {
  const context: Context = {
    hour: clockFacts.hour(request.context.time),
    weekday: clockFacts.weekday(request.context.time),
  };
  for (const fact of factsOf(request.action)) {
    const value: unknown = Reflect.get(request.context, fact.name);
    if (value === undefined && fact.optional) continue;
    const described = cedarValue(fact, value);
    if (described === null) return fail(`the fact \`${fact.name}\` cannot be described`);
    context[fact.name] = described;
  }
  return ok(context);
}

function factsOf(action: DecisionRequest["action"]): readonly Fact[] {
  switch (action) {
    case "chat":
    case "embed":
      return callFacts;
    case "use_feature":
      return featureFacts;
    case "call_tool":
      return actionFacts;
  }
}

function cedarValue({ type }: Fact, value: unknown): CedarValueJson {
  switch (type) {
    case "String":
      return isText(value) ? value : null;
    case "Long":
      return Number.isSafeInteger(value) && typeof value === "number" ? value : null;
    case "Bool":
      return typeof value === "boolean" ? value : null;
    case "Set<String>":
      return Array.isArray(value) && value.every(isText) ? [...value] : null;
    case "ipaddr":
      return isText(value) ? ipAddress(value) : null;
    case "datetime":
      return typeof value === "number" && Math.abs(value) <= 8.64e15
        ? extension("datetime", isoDate(value))
        : null;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.isWellFormed();
}

// Cedar's `ip` reads neither IPv4 embedded in IPv6 nor zones, and would take a range for an address.
function ipAddress(text: string): CedarValueJson {
  const address = text.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
  return isIP(address) === 0 ? null : extension("ip", address);
}

function isoDate(time: number): string {
  return new Date(time).toISOString();
}

function extension(fn: string, arg: string): CedarValueJson {
  return { __extn: { fn, arg } };
}
