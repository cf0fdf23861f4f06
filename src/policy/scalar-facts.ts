// Whether a value is of the type that a fact of Cedar has. Asked where facts are checked and again where they are handed over.

export function isText(value: unknown): value is string {
  return typeof value === "string" && value.isWellFormed();
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText);
}

export function isLong(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value);
}

export function isBool(value: unknown): value is boolean {
  return typeof value === "boolean";
}
