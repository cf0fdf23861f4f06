// Writing strings into Cedar text, for names that come from the config and can hold anything.

/** A Cedar string literal. All but plain ASCII is escaped, so what is read in the schema is what is there. */
export function cedarString(value: string): string {
  return `"${value.replace(unsafe, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)}"`;
}

const unsafe = /[^\x20-\x7e]|["\\]/gu;
