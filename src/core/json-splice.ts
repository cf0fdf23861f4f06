// Edits to JSON that change only the bytes they mean to: what a client wrote is never serialised again.

import type { JsonSpan } from "./json-scan.ts";
import { parseStrictJson, type StrictJson } from "./strict-json.ts";

/** `text` is JSON. An edit that does not fit the document (a member that is missing, or there already) is a `TypeError`. */
export type JsonEdit =
  /** Puts `text` in the place of a top-level member's value. */
  | { readonly kind: "replace"; readonly member: string; readonly text: string }
  /** Adds a top-level member that is not there yet. */
  | { readonly kind: "insert"; readonly member: string; readonly text: string }
  /** Sets `key` to `text` inside the object that a top-level member holds; makes the member when it is absent or null. */
  | { readonly kind: "set_in"; readonly member: string; readonly key: string; readonly text: string };

interface Splice extends JsonSpan {
  readonly text: string;
}

/** `document` is what `json` was parsed from, and an object. Each edit names another member. */
export function spliceJson(
  document: Buffer,
  json: Pick<StrictJson, "members">,
  edits: readonly JsonEdit[],
): Buffer {
  const { members } = json;
  if (members === null) throw new TypeError("only an object has members to edit");
  if (new Set(edits.map((edit) => edit.member)).size < edits.length) {
    throw new TypeError("two edits name one member");
  }
  const added: string[] = [];
  const splices: Splice[] = [];
  for (const edit of edits) {
    const span = members.get(edit.member);
    if (span === undefined) added.push(addedMember(edit));
    else splices.push(changedMember(document, span, edit));
  }
  if (added.length > 0) splices.push(firstMembers(document, 0, added, members.size === 0));
  return spliced(document, splices);
}

function addedMember(edit: JsonEdit): string {
  switch (edit.kind) {
    case "replace":
      throw new TypeError(`there is no member ${edit.member} to replace`);
    case "insert":
      return memberText(edit.member, edit.text);
    case "set_in":
      return memberText(edit.member, `{${memberText(edit.key, edit.text)}}`);
  }
}

function changedMember(document: Buffer, span: JsonSpan, edit: JsonEdit): Splice {
  switch (edit.kind) {
    case "replace":
      return { ...span, text: edit.text };
    case "insert":
      throw new TypeError(`there is a member ${edit.member} already`);
    case "set_in":
      return setMember(document, span, edit.key, edit.text);
  }
}

function setMember(document: Buffer, span: JsonSpan, key: string, text: string): Splice {
  const held = parseStrictJson(document.subarray(span.start, span.end), Number.POSITIVE_INFINITY);
  if (held.ok && held.value.value === null) return { ...span, text: `{${memberText(key, text)}}` };
  if (!held.ok || held.value.members === null) throw new TypeError("the member to set in is not an object");
  const inner = held.value.members.get(key);
  if (inner !== undefined) {
    return { start: span.start + inner.start, end: span.start + inner.end, text };
  }
  return firstMembers(document, span.start, [memberText(key, text)], held.value.members.size === 0);
}

/** Right behind the opening brace of the object that begins at or, after white space, behind `from`. */
function firstMembers(document: Buffer, from: number, members: readonly string[], isEmpty: boolean): Splice {
  const start = document.indexOf("{", from) + 1;
  return { start, end: start, text: `${members.join(",")}${isEmpty ? "" : ","}` };
}

function memberText(key: string, text: string): string {
  return `${JSON.stringify(key)}:${text}`;
}

function spliced(document: Buffer, splices: readonly Splice[]): Buffer {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const { start, end, text } of splices.toSorted((one, other) => one.start - other.start)) {
    parts.push(document.subarray(at, start), Buffer.from(text, "utf8"));
    at = end;
  }
  parts.push(document.subarray(at));
  return Buffer.concat(parts);
}
