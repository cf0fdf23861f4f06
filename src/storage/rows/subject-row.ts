// A subject as its row says it.

import type { Subject, SubjectKind } from "../../audit/payload-store.ts";
import { blob, type Row, text } from "./row.ts";

export function subjectOf(row: Row): Subject {
  return {
    id: text(row, "id"),
    kind: kindOf(text(row, "kind")),
    lookup: blob(row, "lookup"),
    name: blob(row, "name"),
    wrappedKey: blob(row, "wrapped_key"),
  };
}

function kindOf(kind: string): SubjectKind {
  if (kind === "application" || kind === "user" || kind === "operator") return kind;
  throw new TypeError("a subject is of no known kind");
}
