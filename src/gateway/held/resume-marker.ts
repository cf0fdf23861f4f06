// A sign in an assistant's message by which a later request picks up what waited. It is no authority: it says which turn is
// meant, to the very principal whose turn it is, and only in the conversation in which it was given out.

import { createHmac, hash, timingSafeEqual } from "node:crypto";
import type { SecretValue } from "../../core/secret-value.ts";
import { isObject, type JsonObject } from "../../facts/json-shape.ts";
import { canonicalForm } from "../../facts/tool-digest.ts";

const label = "portcullis-resume:v1.";
const pattern = /\[portcullis-resume:v1\.([A-Za-z0-9._-]{1,200})\]/g;

export interface ResumeBinding {
  readonly hold: string;
  readonly choice: number;
  readonly application: string;
  /** Pseudonym, or null. */
  readonly user: string | null;
  /** The messages before the one that carries it. */
  readonly before: readonly unknown[];
  /** The text that carries it; whatever looks like a marker in it does not count. */
  readonly text: string;
}

/** Printable, at most 120 characters, and the same for the same binding. */
export function resumeMarker(key: SecretValue, binding: ResumeBinding): string {
  return `[${label}${binding.hold}.${binding.choice}.${macOf(key, binding)}]`;
}

function macOf(key: SecretValue, binding: ResumeBinding): string {
  const { hold, choice, application, user, before, text } = binding;
  const bound = JSON.stringify([
    ...["portcullis/resume-marker/v1", hold, choice, application, user],
    hash("sha256", canonicalForm(before), "hex"),
    hash("sha256", text.replace(pattern, ""), "hex"),
  ]);
  return key.useBytes((raw) => createHmac("sha256", raw).update(bound).digest("base64url"));
}

/** Whether there can be a marker in it. */
export function mayCarryMarker(body: Buffer): boolean {
  return body.includes(label);
}

/** The body without anything that looks like a marker: no model sees one. */
export function withoutMarkers(body: Buffer): Buffer {
  // Markers are ASCII, and latin1 keeps every byte as it is.
  return Buffer.from(body.toString("latin1").replace(pattern, ""), "latin1");
}

export interface ResumeClaim {
  readonly hold: string;
  readonly choice: number;
}

/**
 * Which turn the messages pick up (`unmarked` are the same without their markers): the one whose marker stands once in all of
 * them, in an assistant's message that is, with all before it, what it was when the marker was given out. Null when there is
 * none, or it is another's, forged or moved.
 */
export function resumeClaim(
  key: SecretValue,
  messages: readonly unknown[],
  unmarked: readonly unknown[],
  who: Pick<ResumeBinding, "application" | "user">,
): ResumeClaim | null {
  const carriers = messages.flatMap((message, at) => markersIn(message).map((marker) => ({ at, ...marker })));
  // The last of several turns is the one that is picked up; a marker that stands twice picks up nothing.
  const last = carriers.at(-1);
  if (last === undefined || carriers.filter(({ marker }) => marker === last.marker).length > 1) return null;
  // The conversation has gone on since.
  if (messages.slice(last.at + 1).some((message) => !isFromUser(message))) return null;
  const [hold = "", choice = "", mac = ""] = last.marker.split(".");
  if (!/^\d{1,3}$/.test(choice)) return null;
  const binding = {
    hold,
    choice: Number(choice),
    ...who,
    before: unmarked.slice(0, last.at),
    text: last.text,
  };
  const expected = Buffer.from(macOf(key, binding));
  const found = Buffer.from(mac);
  if (found.length !== expected.length || !timingSafeEqual(found, expected)) return null;
  return { hold, choice: binding.choice };
}

function isFromUser(message: unknown): boolean {
  return isObject(message) && message["role"] === "user";
}

function markersIn(message: unknown): readonly { readonly marker: string; readonly text: string }[] {
  if (!isObject(message)) return [];
  const text = message["role"] === "assistant" ? textOf(message) : null;
  if (text === null) return [];
  const found = [...text.matchAll(pattern)].map(([, marker = ""]) => marker);
  return found.map((marker) => ({ marker, text }));
}

/** Some clients send a message's text back as parts. */
function textOf({ content }: JsonObject): string | null {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return null;
  const texts = content.map((part) =>
    isObject(part) && typeof part["text"] === "string" ? part["text"] : "",
  );
  return texts.join("");
}
