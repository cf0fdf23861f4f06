// What a model is told of tool calls that were not released: an answer of each of its tools, behind its own turn.

import type { Hold } from "../../approvals/approval.ts";
import type { Release } from "../../approvals/releasing.ts";
import { spliceJson } from "../../core/json-splice.ts";
import { isObject } from "../../facts/json-shape.ts";
import type { TokenUsage } from "../../usage/token-usage.ts";
import type { ReadCall } from "../call.ts";
import type { CallRun } from "../call-run.ts";
import type { GatewayParts } from "../parts.ts";
import type { HeldTurn } from "./turn.ts";
import { sentText } from "./turn-answer.ts";
import { unreleasedOf } from "./what-is-told.ts";
import { unreleasedNote } from "./words.ts";

interface HeldServing {
  readonly hold: Hold;
  readonly turn: HeldTurn;
  readonly end: { readonly usage: TokenUsage };
}

/** Whether the model is told instead of the client: where nothing of its turn was released, and it was not told too often. */
export async function repromptedBy(
  parts: GatewayParts,
  run: CallRun,
  { hold, turn, end }: HeldServing,
  release: Exclude<Release, { kind: "pending" }>,
): Promise<boolean> {
  if (parts.waiting.onReject !== "reprompt" || run.reprompts >= maxReprompts) return false;
  if (release.kind === "damaged" || release.released.length > 0 || hold.call !== run.call.id) return false;
  const unreleased = await Promise.all(release.refused.map((part) => unreleasedOf(parts, part)));
  const body = repromptBody(run.call, turn, unreleasedNote(unreleased, run.call.id));
  if (body === null) return false;
  run.reprompt(body, end.usage);
  return true;
}

/** A model that proposes what people reject again and again is not asked for more of it. */
const maxReprompts = 2;

/** The request with the turn and its results behind its messages; null where there is more than one answer to go on with. */
function repromptBody(
  { body, members }: Pick<ReadCall, "body" | "members">,
  turn: HeldTurn,
  told: string,
): Buffer | null {
  const [choice, another] = turn.choices;
  const span = members?.get("messages");
  if (choice === undefined || another !== undefined || span === undefined || choice.index !== 0) return null;
  const { tool_calls: listed, function_call: legacy } = choice.message;
  const calls: readonly unknown[] = Array.isArray(listed) ? listed : [];
  const results = calls.map((call) => ({
    role: "tool",
    tool_call_id: isObject(call) ? call["id"] : null,
    content: told,
  }));
  const named = isObject(legacy) ? [{ role: "function", name: legacy["name"], content: told }] : [];
  const text = turn.kind === "stream" ? sentText(turn.sent, choice.index) || null : null;
  const said = { role: "assistant", content: text, ...choice.message };
  const added = [said, ...results, ...named].map((message) => JSON.stringify(message)).join(",");
  // Up to the bracket that closes them: what the client wrote stays as it is.
  const before = body.toString("utf8", span.start, span.end).trimEnd().slice(0, -1);
  return spliceJson(body, { members }, [
    { kind: "replace", member: "messages", text: `${before},${added}]` },
  ]);
}
