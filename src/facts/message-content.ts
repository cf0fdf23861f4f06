// The content of a message: text, or parts of kinds that can be described. A part of any other kind is refused, because
// facts such as `has_images` would not be true of it.

import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import { foldedMember } from "./folded-member.ts";
import { eachString, isAbsent, isObject, isStructured, type JsonObject, member } from "./json-shape.ts";
import { addMedium } from "./media-text.ts";
import { quoted } from "./quoted.ts";
import { invalid, undescribable } from "./request-refusal.ts";
import { Texts } from "./texts.ts";

/** What has been read so far, over all messages. */
export interface ContentReading {
  /** UTF-8 bytes. */
  textBytes: number;
  images: number;
  audios: number;
  files: number;
  readonly texts: Texts;
}

export function emptyReading(): ContentReading {
  return { textBytes: 0, images: 0, audios: 0, files: 0, texts: new Texts() };
}

interface PartKind {
  readonly counts: "text" | "thought" | "images" | "audios" | "files";
  /** The member that holds what the part is about. */
  readonly payload: string;
}

/** OpenAI's parts, and those that vendors of its API use for the same things. */
const partKinds: ReadonlyMap<unknown, PartKind> = new Map<unknown, PartKind>([
  ["text", { counts: "text", payload: "text" }],
  ["input_text", { counts: "text", payload: "text" }],
  ["output_text", { counts: "text", payload: "text" }],
  ["refusal", { counts: "text", payload: "refusal" }],
  ["thinking", { counts: "thought", payload: "thinking" }],
  ["reasoning", { counts: "thought", payload: "reasoning" }],
  ["image_url", { counts: "images", payload: "image_url" }],
  ["input_image", { counts: "images", payload: "image_url" }],
  ["input_audio", { counts: "audios", payload: "input_audio" }],
  ["audio_url", { counts: "audios", payload: "audio_url" }],
  ["file", { counts: "files", payload: "file" }],
  ["input_file", { counts: "files", payload: "file" }],
]);

/** Members that hold media: in a part of another kind a provider might take them for what the part is about. */
const mediaMembers: ReadonlySet<string> = new Set([
  "audio",
  "audio_url",
  "file",
  "image",
  "image_url",
  "input_audio",
  "video",
  "video_url",
]);

/** Structured members that any part may have. */
const plainStructures: ReadonlySet<string> = new Set([
  "annotations",
  "cache_control",
  "logprobs",
  "prompt_cache_breakpoint",
]);

const partMembers: ReadonlySet<string> = new Set([
  "type",
  ...[...partKinds.values()].map((kind) => kind.payload),
  ...mediaMembers,
  ...plainStructures,
]);

/** Adds the content of the message at `position` to `reading`. */
export function readContent(
  reading: ContentReading,
  content: unknown,
  position: number,
): Result<null, Refusal> {
  if (isAbsent(content)) return ok(null);
  if (typeof content === "string") {
    readText(reading, content);
    return ok(null);
  }
  const at = `messages.${position}.content`;
  if (!Array.isArray(content)) return invalid(at, `\`${at}\` must be a string or an array of parts`);
  for (const [place, part] of content.entries()) {
    const read = readPart(reading, part, at, place);
    if (!read.ok) return read;
  }
  addRuns(reading.texts, content);
  return ok(null);
}

export function readText(reading: ContentReading, text: string): void {
  reading.textBytes += Buffer.byteLength(text);
  reading.texts.add(text);
}

function readPart(reading: ContentReading, part: unknown, at: string, place: number): Result<null, Refusal> {
  const kind = kindOf(part);
  if (!isObject(part) || kind === undefined) return undescribable(`\`${at}\` holds ${unknownPart(part)}`);
  const folded = foldedMember(part, partMembers, `${at}.${place}`);
  if (folded !== null) return folded;
  if (kind.counts === "thought") {
    eachString(part, (text) => readText(reading, text));
    return ok(null);
  }
  const foreign = Object.keys(part).find((key) => isForeign(part, key, kind));
  if (foreign !== undefined) {
    return undescribable(
      `\`${at}\` holds a part with a member ${quoted(foreign)}, which cannot be described`,
    );
  }
  if (kind.counts !== "text") reading[kind.counts] += 1;
  else {
    const text = member(part, kind.payload);
    if (typeof text !== "string") return undescribable(`\`${at}\` holds a text part without text`);
    reading.textBytes += Buffer.byteLength(text);
  }
  addMembers(reading.texts, part, kind);
  return ok(null);
}

function kindOf(part: unknown): PartKind | undefined {
  return isObject(part) ? partKinds.get(member(part, "type")) : undefined;
}

function unknownPart(part: unknown): string {
  if (!isObject(part)) return "a part that is not an object";
  const type = member(part, "type");
  return typeof type === "string"
    ? `a part of type ${quoted(type)}, which cannot be described`
    : "a part without a `type`";
}

function isForeign(part: JsonObject, key: string, kind: PartKind): boolean {
  if (key === kind.payload || plainStructures.has(key)) return false;
  return mediaMembers.has(key) || isStructured(part[key]);
}

function addMembers(texts: Texts, part: JsonObject, kind: PartKind): void {
  for (const key in part) {
    if (key === "type") continue;
    if (key === kind.payload && kind.counts !== "text") addMedium(texts, part[key]);
    else texts.addMember(key, part[key], partMembers);
  }
}

/** To a model text parts next to each other are one text: what is looked for may begin in one and end in the next. */
export function addRuns(texts: Texts, parts: unknown): void {
  if (!Array.isArray(parts) || parts.length < 2) return;
  let run: string[] = [];
  for (let at = 0; at <= parts.length; at += 1) {
    const part: unknown = parts[at];
    const kind = kindOf(part);
    const text = isObject(part) && kind?.counts === "text" ? member(part, kind.payload) : null;
    if (typeof text === "string") run.push(text);
    else {
      if (run.length > 1) texts.add(run.join(""));
      run = [];
    }
  }
}
