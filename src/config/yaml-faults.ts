// The parser's errors in our words. Its own name programming interfaces and can quote the line, which may hold a secret.

import type { YAMLParseError, YAMLWarning } from "yaml";

export function yamlFault(code: (YAMLParseError | YAMLWarning)["code"]): string {
  return faults[code];
}

const properties = "write the value without `&`, `*` and `!` before it";

const faults: Readonly<Record<YAMLParseError["code"], string>> = {
  ALIAS_PROPS: properties,
  BAD_ALIAS: "a value cannot start with `*`; put it in quotes",
  BAD_COLLECTION_TYPE: properties,
  BAD_DIRECTIVE: "take away the line that starts with `%`",
  BAD_DQ_ESCAPE: "this backslash means nothing in \"double\" quotes; use 'single' ones",
  BAD_INDENT: "the indentation does not fit the lines above it, or a bracket is open",
  BAD_PROP_ORDER: properties,
  BAD_SCALAR_START: "a value cannot start with this character; put it in quotes",
  BLOCK_AS_IMPLICIT_KEY: "a second `:` on one line; put the value in quotes, or on lines of its own",
  BLOCK_IN_FLOW: "inside `{ }` and `[ ]` keep to `{ }` and `[ ]`",
  DUPLICATE_KEY: "this key stands twice; keep one of them",
  IMPOSSIBLE: "this is not YAML; look at this line and the one above",
  KEY_OVER_1024_CHARS: "a key as long as this is not meant; is a line break missing?",
  MISSING_CHAR: "a quote, bracket, comma or `:` is missing",
  MULTILINE_IMPLICIT_KEY: "a key and its `:` belong on one line; is a `:` missing?",
  MULTIPLE_ANCHORS: properties,
  MULTIPLE_DOCS: "a second document starts here; keep to one, without `---` or `...` in it",
  MULTIPLE_TAGS: properties,
  NON_STRING_KEY: "a key must be text",
  RESOURCE_EXHAUSTION: "the nesting is too deep",
  TAB_AS_INDENT: "a tab cannot indent; use spaces",
  TAG_RESOLVE_FAILED: "tags (`!name`) are not used here; take it away",
  UNEXPECTED_TOKEN: "something stands here that does not belong; look at this line and the one above",
};
