// The content of a message: text, or parts of kinds that can be described. A part of any other kind is refused, because
// facts such as `has_images` would not be true of it.

import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import { detect } from "./detectors.ts";
import { eachString, isAbsent, isObject, isStructured, type JsonObject, member } from "./json-shape.ts";
import { quoted } from "./quoted.ts";
import { invalid, undescribable } from "./request-refusal.ts";

/** What has been read so far, over all messages. */
export interface ContentReading {
  /** UTF-8 bytes. */
  textBytes: number;
  images: number;
  audios: number;
  files: number;
  readonly labels: Set<string>;
}

export function emptyReading(): ContentReading {
  return { textBytes: 0, images: 0, audios: 0, files: 0, labels: new Set() };
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
const plainStructures: ReadonlySet<string> = new Set(["annotations", "cache_control", "logprobs"]);

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
  for (const part of content) {
    const wrong = readPart(reading, part);
    if (wrong !== null) return undescribable(`\`${at}\` holds ${wrong}`);
  }
  return ok(null);
}

export function readText(reading: ContentReading, text: string): void {
  reading.textBytes += Buffer.byteLength(text);
  detect(text, reading.labels);
}

/** What is wrong with the part, or null. */
function readPart(reading: ContentReading, part: unknown): string | null {
  if (!isObject(part)) return "a part that is not an object";
  const type = member(part, "type");
  const kind = partKinds.get(type);
  if (kind === undefined) {
    return typeof type === "string"
      ? `a part of type ${quoted(type)}, which cannot be described`
      : "a part without a `type`";
  }
  if (kind.counts === "thought") {
    eachString(part, (text) => readText(reading, text));
    return null;
  }
  const foreign = Object.keys(part).find((key) => isForeign(part, key, kind));
  if (foreign !== undefined) return `a part with a member ${quoted(foreign)}, which cannot be described`;
  if (kind.counts !== "text") {
    reading[kind.counts] += 1;
    return null;
  }
  const text = member(part, kind.payload);
  if (typeof text !== "string") return "a text part without text";
  readText(reading, text);
  return null;
}

function isForeign(part: JsonObject, key: string, kind: PartKind): boolean {
  if (key === kind.payload || plainStructures.has(key)) return false;
  return mediaMembers.has(key) || isStructured(part[key]);
}
