// The facts that a policy test need not state. Taken from the table of facts, so that a new fact can be tested at once.

import { z } from "zod";
import { callFacts, type Fact, type FactType } from "../context-facts.ts";
import type { CallContext } from "../decision.ts";
import { isCallContext, isIpAddress } from "../describable.ts";

/** What a fact is that a test does not state; an optional one is absent. */
export const factDefaults: Readonly<Record<FactType, string | number | boolean | readonly string[]>> = {
  String: "",
  Long: 0,
  Bool: false,
  "Set<String>": [],
  "Set<User>": [],
  ipaddr: "127.0.0.1",
  /** Monday, 2026-01-05, 12:00 UTC. */
  datetime: Date.UTC(2026, 0, 5, 12),
};

/** Facts that a test states in other places than `facts`. */
const statedElsewhere: ReadonlySet<string> = new Set(["user"]);

const valueSchemas: Readonly<Record<FactType, z.ZodType>> = {
  String: z.string(),
  Long: z.int(),
  Bool: z.boolean(),
  "Set<String>": z.array(z.string()),
  "Set<User>": z.array(z.string()),
  ipaddr: z.string().refine(isIpAddress, "write an IPv4 or IPv6 address in quotes"),
  datetime: z.iso
    .datetime({ offset: true, error: "write a time as 2026-01-05T12:00:00Z" })
    .transform((text) => Date.parse(text)),
};

/** The facts of a model call under their names; those of a tool call are made from these, as the gateway does. */
export const statedFacts = z.strictObject(
  Object.fromEntries(
    callFacts
      .filter(({ name }) => !statedElsewhere.has(name))
      .map(({ name, type }) => [name, valueSchemas[type].optional()]),
  ),
);

/** `stated` is what `statedFacts` has let through. */
export function testedFacts(
  stated: Readonly<Record<string, unknown>>,
  requestedModel: string,
  user: string | undefined,
): CallContext {
  const facts: Record<string, unknown> = {};
  for (const fact of callFacts) {
    const value = stated[fact.name] ?? defaultOf(fact, requestedModel, user);
    if (value !== undefined) facts[fact.name] = value;
  }
  if (!isCallContext(facts)) throw new Error("the facts of a test are not what they were checked to be");
  return facts;
}

function defaultOf(
  { name, type, optional }: Fact,
  requestedModel: string,
  user: string | undefined,
): unknown {
  if (name === "user") return user;
  if (optional === true) return undefined;
  return name === "requested_model" ? requestedModel : factDefaults[type];
}
