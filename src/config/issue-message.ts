// What zod found wrong, for people. INVARIANT: no message holds a value from the file, which can be a secret in the wrong
// place; names of keys and what is allowed there are enough to find it.

import type { z } from "zod";
import { nearName } from "./near-name.ts";
import { listed, quoted } from "./printable.ts";

/** For issues whose schema has no message of its own. */
export function issueMessage(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return wrongType(issue.expected, issue.input, nameOf(issue));
    case "invalid_value":
      return oneOf(nameOf(issue), issue.values, issue.input);
    case "invalid_union":
      return "options" in issue ? wrongMember(issue) : wrongValue(issue.input, nameOf(issue));
    case "invalid_key":
      return `${nameOf(issue)} cannot be a name here; ${issue.issues[0]?.message ?? "choose another"}`;
    case "too_small":
      return tooSmall(issue.origin, Number(issue.minimum));
    case "too_big":
      return tooBig(issue.origin, Number(issue.maximum));
    case "unrecognized_keys":
      return "unknown keys";
    case "invalid_format":
      return issue.format === "url" ? "write an http or https URL" : malformed(issue);
    case "not_multiple_of":
    case "invalid_element":
    case "custom":
      return malformed(issue);
  }
}

type Issue<Code extends z.core.$ZodRawIssue["code"]> = Extract<z.core.$ZodRawIssue, { readonly code: Code }>;

/** The last name on the path: what a person looks for in the file. */
function nameOf(issue: z.core.$ZodRawIssue): string {
  const last = issue.path?.at(-1);
  if (last === undefined) return "the config";
  return typeof last === "number" ? `entry ${last + 1}` : quoted(String(last));
}

function malformed(issue: z.core.$ZodRawIssue): string {
  return `${nameOf(issue)} is not written as it must be; docs/config.md says how`;
}

function wrongType(expected: string, input: unknown, name: string): string {
  if (input === undefined) return `${name} is missing; write ${kindOf(expected)}`;
  if (input === null) return `${name} has no value; write ${kindOf(expected)}, or take the key away`;
  if (typeof input === "number" && !Number.isFinite(input)) return wrongValue(input, name);
  if (typeof input === "number" && expected === "int") return `${name} must be a whole number`;
  const help = expected === "string" && typeof input !== "object" ? "; put it in quotes" : "";
  const found = kindOf(Array.isArray(input) ? "array" : typeof input);
  return `${name} must be ${kindOf(expected)}, not ${found}${help}`;
}

function wrongValue(input: unknown, name: string): string {
  if (typeof input === "number") return `${name} is too large, or not a number`;
  return `${name} is not of a kind that may stand here`;
}

function kindOf(type: string): string {
  switch (type) {
    case "string":
      return "text";
    case "number":
      return "a number";
    case "int":
      return "a whole number";
    case "boolean":
      return "`true` or `false`";
    case "array":
      return "a list";
    case "object":
    case "record":
      return "a table of keys";
    default:
      return "something else";
  }
}

/** `options` are those of the discriminator; the issue's input is the whole object, of which only that member is looked at. */
function wrongMember(issue: Issue<"invalid_union">): string {
  const options = "options" in issue && Array.isArray(issue.options) ? issue.options : [];
  const input: unknown = issue.input;
  const key = "discriminator" in issue ? issue.discriminator : undefined;
  const written =
    typeof input === "object" && input !== null && key !== undefined ? Reflect.get(input, key) : undefined;
  return oneOf(nameOf(issue), options, written);
}

function oneOf(name: string, allowed: readonly unknown[], written: unknown): string {
  const must = `${name} must be ${allowed.length === 1 ? "" : "one of "}${listed(allowed)}`;
  if (written === undefined) return `${must}, and is missing`;
  const meant = typeof written === "string" ? nearName(written, allowed.map(String)) : null;
  return meant === null ? must : `${must}; did you mean ${quoted(meant)}?`;
}

function tooSmall(origin: string, minimum: number): string {
  if (origin === "string") return "this must not be empty";
  if (origin === "array") return `at least ${minimum} ${minimum === 1 ? "entry" : "entries"} must stand here`;
  return `this must be at least ${minimum}`;
}

function tooBig(origin: string, maximum: number): string {
  if (origin === "string") return `this is longer than ${maximum} characters`;
  if (origin === "array") return `at most ${maximum} entries may stand here`;
  return maximum >= Number.MAX_SAFE_INTEGER ? "this is too large" : `this must be at most ${maximum}`;
}
