// JSON as the demo model reads it: requests come from anybody, so every member is looked at before it is used.

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objects(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** Own members only: `constructor` is a fine name for a member that is not there. */
export function member(object: unknown, key: string): unknown {
  return isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;
}

export function stringOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** The text of a message's content, which is a string or a list of parts. */
export function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  return objects(content)
    .map((part) => stringOf(member(part, "text")) ?? "")
    .filter((text) => text !== "")
    .join(" ");
}
