// Entries of the trail a line each: when, who, what, and what was decided.

import { isRow, type Row } from "./admin-client.ts";
import { styledDecision, table } from "./table.ts";

export function entryTable(entries: readonly Row[]): string {
  return table(entries, [
    { title: "index", right: true, cell: (entry) => String(entry["index"]) },
    { title: "time", cell: (entry) => textOf(leafOf(entry), "time") },
    {
      title: "type",
      cell: (entry) => (entry["leaf"] === null ? "unreadable" : textOf(leafOf(entry), "type")),
    },
    { title: "who", cell: (entry) => who(leafOf(entry)) },
    { title: "what", cell: what },
    {
      title: "decision",
      cell: ({ leaf }) => (isRow(leaf) ? outcomeOf(leaf) : ""),
      style: styledDecision,
    },
  ]);
}

export function leafOf(entry: Row): Row {
  return isRow(entry["leaf"]) ? entry["leaf"] : {};
}

/** Empty for null and what is not there. */
export function textOf(leaf: Row, member: string): string {
  return String(leaf[member] ?? "");
}

function who(leaf: Row): string {
  const actor = isRow(leaf["actor"]) ? leaf["actor"] : {};
  if (actor["kind"] === "gateway") return "gateway";
  const user = textOf(leaf, "user");
  return user === "" ? textOf(actor, "id") : `${textOf(actor, "id")} for ${user}`;
}

/** What was decided, how it ended, or where an approval stands. */
function outcomeOf(leaf: Row): string {
  return textOf(leaf, "decision") || textOf(leaf, "outcome") || textOf(leaf, "state");
}

function what(entry: Row): string {
  const leaf = leafOf(entry);
  const text = (member: string): string => textOf(leaf, member);
  switch (leaf["type"]) {
    case undefined:
      return textOf(entry, "problem");
    case "call.decided":
      return arrow(text("requested_model"), text("target"));
    case "action.decided":
      return `${text("tool")} (${text("effect")})`;
    case "call.completed":
      return `${text("target")} ${text("status")}`.trim();
    case "key.rotated":
      return arrow(text("key"), text("successor"));
    case "secret.set":
    case "secret.destroyed":
      return `${text("secret")} version ${text("version")}`;
    case "approval.requested":
      return `${text("approval")} for ${text("tool") || text("target")}`;
    case "approval.vote_refused":
      return `${text("approval")}: ${text("refused")}`;
    case "approval.edited":
      return `${text("approval")} as revision ${text("revision")}`;
    case "approval.released":
      return arrow(text("approval"), text("released_to"));
    case "payload.expired":
      return `of ${text("entries")} entries, ${text("oldest")} to ${text("newest")}`;
    case "log.opened":
      return `epoch ${text("epoch")}, version ${text("version")}`;
    case "log.closed":
      return `epoch ${text("epoch")}`;
    default:
      return (
        text("approval") ||
        text("operator") ||
        text("key") ||
        text("origin") ||
        (text("revision") || text("digest")).slice(0, 12)
      );
  }
}

function arrow(from: string, to: string): string {
  return to === "" || to === from ? from : `${from} → ${to}`;
}
