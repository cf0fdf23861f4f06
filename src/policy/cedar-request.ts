// A decision request in Cedar's terms. Everything is built here, from typed facts: a caller's string reaches Cedar as
// a string, whatever it looks like, and a value of another type than its fact's never does.

import { isIPv4 } from "node:net";
import type { CedarValueJson, Context, EntityJson, TypeAndId } from "@cedar-policy/cedar-wasm/nodejs";
import { argumentRecordValue } from "./argument-values.ts";
import { argumentsFact, clockFacts, type Fact } from "./context-facts.ts";
import { type CounterFact, counterRecords } from "./counter-facts.ts";
import { type AwaitedResource, type DecisionRequest, isModelRequest, type Voter } from "./decision.ts";
import { factsOf, isIpAddress, isTime, knownArguments } from "./describable.ts";
import { isBool, isLong, isText, isTexts } from "./scalar-facts.ts";
import { uncataloguedTool } from "./world.ts";
import type { WorldNames } from "./world-names.ts";

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

/**
 * For a request in which nothing is undescribable (see describable.ts); throws for others, and where one of the counters has
 * no value.
 */
export function cedarRequest(
  request: DecisionRequest,
  names: WorldNames,
  counters: readonly CounterFact[] = [],
): CedarRequest {
  const isVote = request.action === "approve";
  const principal = isVote ? userEntity(request.principal) : applicationEntity(request.principal.id, names);
  const resource = resourceEntity(isVote ? request.resource : request);
  return {
    principal: principal.uid,
    action: entityId("Action", actionOf(request)),
    resource: resource.uid,
    context: { ...contextOf(request), ...argumentsOf(request, names), ...countersOf(request, counters) },
    entities: [principal, resource],
  };
}

interface Entity extends EntityJson {
  uid: TypeAndId;
}

function applicationEntity(id: string, { applications }: WorldNames): Entity {
  const application = applications.get(id);
  if (application === undefined) throw new Error(`the application ${id} is not known`);
  const { name, groups, environment, owner } = application;
  return { uid: entityId("Application", name), attrs: { environment, owner }, parents: groupIds(groups) };
}

function userEntity({ user, groups }: Voter): Entity {
  return { uid: entityId("User", user), attrs: {}, parents: groupIds(groups) };
}

function groupIds(groups: readonly string[]): TypeAndId[] {
  return groups.map((group) => entityId("Group", group));
}

function resourceEntity(resource: AwaitedResource): Entity {
  return "tool" in resource ? toolEntity(resource.tool) : modelEntity(resource.model);
}

function modelEntity(id: string): Entity {
  const slash = id.indexOf("/");
  const provider = id.slice(0, slash);
  const attrs = { name: id.slice(slash + 1), provider };
  return { uid: entityId("Model", id), attrs, parents: [entityId("Provider", provider)] };
}

function toolEntity(name: string): Entity {
  return { uid: entityId("Tool", name), attrs: { name }, parents: [] };
}

function entityId(type: string, id: string): TypeAndId {
  return { type: `Portcullis::${type}`, id };
}

function contextOf(request: DecisionRequest): Context {
  const context: Context = {
    hour: clockFacts.hour(request.context.time),
    weekday: clockFacts.weekday(request.context.time),
  };
  for (const fact of factsOf(request.action)) {
    const value: unknown = Reflect.get(request.context, fact.name);
    if (value === undefined && fact.optional === true) continue;
    const described = cedarValue(fact, value);
    if (described === null) throw new Error(`the fact ${fact.name} is not what it was checked to be`);
    context[fact.name] = described;
  }
  return context;
}

function argumentsOf(request: DecisionRequest, names: WorldNames): Context {
  const known = knownArguments(request, names);
  const read = known?.type.read ?? null;
  return read === null ? {} : { [argumentsFact]: argumentRecordValue(read, known?.values) };
}

function countersOf(request: DecisionRequest, counters: readonly CounterFact[]): Context {
  if (!isModelRequest(request) || counters.length === 0) return {};
  return counterRecords(counters, request.context.counters ?? {});
}

function cedarValue({ type }: Fact, value: unknown): CedarValueJson {
  switch (type) {
    case "String":
      return isText(value) ? value : null;
    case "Long":
      return isLong(value) ? value : null;
    case "Bool":
      return isBool(value) ? value : null;
    case "Set<String>":
      return isTexts(value) ? [...value] : null;
    case "Set<User>":
      return isTexts(value) ? value.map((user) => ({ __entity: entityId("User", user) })) : null;
    case "ipaddr":
      return isIpAddress(value) ? extension("ip", asCedarReads(value)) : null;
    case "datetime":
      return isTime(value) ? extension("datetime", new Date(value).toISOString()) : null;
  }
}

/** Cedar's `ip` reads neither zones nor IPv4 within IPv6, where it means the IPv4 address if it is a mapped one. */
function asCedarReads(text: string): string {
  const address = text.replace(/%.*$/, "");
  const [, before = "", embedded = ""] = /^(.*:)([\d.]+)$/.exec(address) ?? [];
  if (!isIPv4(embedded)) return address;
  if (/^(?:::|(?:0+:){5})ffff:$/i.test(before)) return embedded;
  const [a = 0, b = 0, c = 0, d = 0] = embedded.split(".").map(Number);
  return `${before}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

function extension(fn: string, arg: string): CedarValueJson {
  return { __extn: { fn, arg } };
}
