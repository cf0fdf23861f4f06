// What a clause looks at, and what stood there.

import type { CedarValueJson } from "@cedar-policy/cedar-wasm/nodejs";
import { argumentPaths } from "../argument-reads.ts";
import type { CedarRequest } from "../cedar-request.ts";
import { approvalsFact, argumentsFact, signedOffFact } from "../context-facts.ts";
import { contextAttribute, type Expression, expressionsIn } from "../expression.ts";

/** What a request is, and what of it is not known: facts by name, with why. */
export interface ExplainedRequest {
  readonly request: CedarRequest;
  readonly approvals: readonly string[];
  readonly unknown: ReadonlyMap<string, string>;
}

export interface ReadValue {
  /** For example `context.hour` or `principal.owner`. */
  readonly name: string;
  /** Null when it is not known, only that there was one; `absent` when it was not there. */
  readonly value: string | null;
  /** Why it is not known. */
  readonly unknown: string | null;
}

export function valuesIn(expression: Expression, asked: ExplainedRequest): readonly ReadValue[] {
  const values = new Map<string, ReadValue>();
  for (const one of expressionsIn(expression)) {
    const found = contextValue(one, asked) ?? entityValue(one, asked);
    if (found !== null) values.set(found.name, found);
  }
  for (const { steps } of argumentPaths(expression)) {
    const found = argumentValue(steps, asked);
    values.set(found.name, found);
  }
  return [...values.values()];
}

/** The argument itself and not all of them, which may be long. */
function argumentValue(steps: readonly string[], { request, unknown }: ExplainedRequest): ReadValue {
  const name = ["context", argumentsFact, ...steps].join(".");
  const why = unknown.get(argumentsFact);
  if (why !== undefined) return { name, value: null, unknown: why };
  let value: CedarValueJson | undefined = request.context[argumentsFact];
  for (const step of steps) value = memberOf(value, step);
  return known(name, value);
}

function memberOf(value: CedarValueJson | undefined, name: string): CedarValueJson | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

function contextValue(expression: Expression, asked: ExplainedRequest): ReadValue | null {
  const attribute = contextAttribute(expression);
  if (attribute === null || attribute === argumentsFact) return null;
  const name = `context.${attribute}`;
  const unknown = asked.unknown.get(attribute);
  if (unknown !== undefined) return { name, value: null, unknown };
  if (attribute === approvalsFact) return known(name, [...asked.approvals]);
  if (attribute === signedOffFact) return known(name, asked.approvals.length > 0);
  return known(name, asked.request.context[attribute]);
}

/** Attributes of principal and resource, and what they are in. */
function entityValue(expression: Expression, { request }: ExplainedRequest): ReadValue | null {
  const { op, parts, names } = expression;
  const [left] = parts;
  const variable = left?.op === "Var" ? left.names[0] : undefined;
  if (variable !== "principal" && variable !== "resource") return null;
  const uid = request[variable];
  const entity = request.entities.find((one) => isSame(one.uid, uid));
  const [attribute] = names;
  if (op === "." && attribute !== undefined) {
    return known(`${variable}.${attribute}`, entity?.attrs[attribute]);
  }
  if (op === "in") {
    const parents = (entity?.parents ?? []).map((parent) => idOf(parent));
    return { name: variable, value: `${quoted(uid.id)} in ${listed(parents)}`, unknown: null };
  }
  return op === "==" || op === "!=" ? { name: variable, value: quoted(uid.id), unknown: null } : null;
}

function known(name: string, value: CedarValueJson | undefined): ReadValue {
  return { name, value: value === undefined ? "absent" : valueText(value), unknown: null };
}

function valueText(value: CedarValueJson): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(", ")}]`;
  if (typeof value === "object" && value !== null && "__extn" in value) {
    const { fn, arg } = extensionOf(value);
    return `${fn}(${arg})`;
  }
  return JSON.stringify(value);
}

function extensionOf(value: object): { readonly fn: string; readonly arg: string } {
  const body: unknown = Reflect.get(value, "__extn");
  const member = (name: string): string =>
    typeof body === "object" && body !== null ? JSON.stringify(Reflect.get(body, name)) : "";
  return { fn: member("fn").slice(1, -1), arg: member("arg") };
}

function isSame(uid: unknown, other: { readonly type: string; readonly id: string }): boolean {
  return (
    idOf(uid) === other.id &&
    typeof uid === "object" &&
    uid !== null &&
    Reflect.get(uid, "type") === other.type
  );
}

function idOf(uid: unknown): string {
  return typeof uid === "object" && uid !== null ? String(Reflect.get(uid, "id")) : "";
}

function quoted(id: string): string {
  return JSON.stringify(id);
}

function listed(ids: readonly string[]): string {
  return ids.length === 0 ? "nothing" : ids.map(quoted).join(", ");
}
