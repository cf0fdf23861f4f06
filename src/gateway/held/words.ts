// What people read in place of what waits, or was not released: an ordinary assistant's message, so that no client needs to
// know of us to show it.

import type { ApprovalState } from "../../approvals/approval-states.ts";

/** One tool call, or the request itself, that did not come through. */
export interface Unreleased {
  /** Null for the request itself. */
  readonly tool: string | null;
  /** `forbidden`: it needed nobody, and policy does not permit it any more. */
  readonly state: ApprovalState | "forbidden";
  /** Who ended it, where somebody did. */
  readonly by: string | null;
  readonly reason: string | null;
}

export function forbidden(tool: string): Unreleased {
  return { tool, state: "forbidden", by: null, reason: null };
}

export interface Waiting {
  readonly tool: string | null;
  readonly signOffs: readonly string[];
  readonly reasons: readonly string[];
  /** Where it can be decided. */
  readonly link: string;
}

export function unreleasedNote(parts: readonly Unreleased[], call: string): string {
  const said = parts.map((part) => `${subject(part.tool)} ${fate(part)}`);
  return `[Portcullis] ${said.join(" ")} Nothing of it was done. Call: ${call}`;
}

function fate({ state, by, reason }: Unreleased): string {
  const who = by === null ? "" : ` by ${by}`;
  const why = reason === null || reason === "" ? "." : `: ${sentence(reason)}`;
  switch (state) {
    case "rejected":
      return `was rejected${who}${why}`;
    case "expired":
      return "was not decided in time, so its approval has expired.";
    case "cancelled":
      return "was cancelled by its requester.";
    case "revoked":
      return `was revoked${who}${why}`;
    case "lapsed":
      return "was approved, and its approval lapsed before it was used.";
    case "stale":
      return `was approved, and is not handed on: ${reason ?? "policy asks for more today"}; ask for it again to have it signed off anew.`;
    case "forbidden":
      return "was permitted, and policy does not permit it any more.";
    default:
      return "could not be released.";
  }
}

/** People may or may not end what they write. */
function sentence(text: string): string {
  return /[.!?…]\s*$/.test(text) ? text.trimEnd() : `${text.trimEnd()}.`;
}

/** `what` waits: the tool calls of a turn, which any further message picks up, or a request, which has to be the same. */
export function waitingNote(parts: readonly Waiting[], call: string, what: "turn" | "request"): string {
  const said = parts.map(({ tool, signOffs, reasons, link }) => {
    const why = reasons.length === 0 ? "" : ` (${reasons.join("; ")})`;
    return `${subject(tool)} waits for a sign-off by ${signOffs.join(", ")}${why}: ${link}`;
  });
  const next = what === "turn" ? "send any further message to go on" : "send the same request again";
  return `[Portcullis] ${said.join(" ")} Nothing of it was done yet. Once it is decided, ${next}. Call: ${call}`;
}

function subject(tool: string | null): string {
  return tool === null ? "This request" : `The tool call \`${tool}\``;
}
