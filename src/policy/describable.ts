// What can be described to policies at all. Asked of every fact of every request, also of those that no policy reads and
// of those whose decision is remembered: a fact that is missing or malformed denies, whatever else is true.

import { isIP } from "node:net";
import { argumentsProblem } from "./argument-values.ts";
import {
  actionFacts,
  approvalFacts,
  callFacts,
  type Fact,
  type FactType,
  featureFacts,
} from "./context-facts.ts";
import type { AwaitedResource, CallContext, DecisionRequest, Voter } from "./decision.ts";
import { isBool, isLong, isText, isTexts } from "./scalar-facts.ts";
import type { KnownArguments, WorldNames } from "./world-names.ts";

/** What about a request cannot be described, in words that name it and never quote it; null when all of it can. */
export type Undescribable = (request: DecisionRequest) => string | null;

export function undescribableBy(names: WorldNames): Undescribable {
  const isAddress = rememberingLast(isIpAddress);
  const fits = { ...factFits, ipaddr: isAddress };
  return (request) => {
    const unfit =
      request.action === "approve"
        ? (voterFault(request.principal, names) ?? resourceFault(request.resource))
        : (applicationFault(request.principal.id, names) ?? resourceFault(request));
    if (unfit !== null) return unfit;
    for (const { name, type, optional } of factsOf(request.action)) {
      const value: unknown = Reflect.get(request.context, name);
      if (value === undefined && optional === true) continue;
      if (!fits[type](value)) return `the fact \`${name}\` cannot be described`;
    }
    const known = knownArguments(request, names);
    return known === null ? null : argumentsProblem(known.type, known.values);
  };
}

/** Of a tool call whose tool has typed arguments; else null. */
export function knownArguments(
  request: DecisionRequest,
  names: WorldNames,
): { readonly type: KnownArguments; readonly values: unknown } | null {
  if (request.action !== "call_tool" || !request.catalogued) return null;
  const type = names.arguments.get(request.tool);
  return type === undefined ? null : { type, values: request.context.arguments };
}

function applicationFault(id: string, { applications }: WorldNames): string | null {
  return applications.has(id) ? null : "the application is not one that policies know";
}

function voterFault({ user, groups }: Voter, names: WorldNames): string | null {
  if (!isText(user) || user === "") return "the voter has no name";
  return isTexts(groups) && groups.every((group) => names.groups.has(group))
    ? null
    : "the voter is in a group that policies do not know";
}

function resourceFault(resource: AwaitedResource): string | null {
  if ("tool" in resource) return isText(resource.tool) ? null : "the tool's name is not text";
  return isModel(resource.model) ? null : "the model is not PROVIDER/MODEL";
}

/** The facts that a request with this action has. */
export function factsOf(action: DecisionRequest["action"]): readonly Fact[] {
  switch (action) {
    case "chat":
    case "embed":
      return callFacts;
    case "use_feature":
      return featureFacts;
    case "call_tool":
      return actionFacts;
    case "approve":
      return approvalFacts;
  }
}

/** Whether every fact of a model call is there and of its type. */
export function isCallContext(facts: object): facts is CallContext {
  return callFacts.every(({ name, type, optional }) => {
    const value: unknown = Reflect.get(facts, name);
    return value === undefined ? optional === true : factFits[type](value);
  });
}

/** IPv4 or IPv6 in any spelling; neither a range, which Cedar would take for an address, nor a name. */
export function isIpAddress(value: unknown): value is string {
  return typeof value === "string" && isIP(value) !== 0;
}

/** Milliseconds of the years 0 to 9999: Cedar reads no others. */
export function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= -62_167_219_200_000 && value <= 253_402_300_799_999;
}

const factFits: Readonly<Record<FactType, (value: unknown) => boolean>> = {
  String: isText,
  Long: isLong,
  Bool: isBool,
  "Set<String>": isTexts,
  "Set<User>": isTexts,
  ipaddr: isIpAddress,
  datetime: isTime,
};

function isModel(id: unknown): boolean {
  return isText(id) && id.indexOf("/") > 0;
}

/** Most requests come from where the one before came from, and looking at an address costs as much as all else here. */
function rememberingLast(fits: (value: unknown) => boolean): (value: unknown) => boolean {
  let last: unknown;
  return (value) => {
    if (value === last && last !== undefined) return true;
    if (!fits(value)) return false;
    last = value;
    return true;
  };
}
