// What a held turn has beside the tool calls that wait: the assistant's text, and what goes out without a sign-off. For
// people who decide on the rest.

import type { TurnBeside } from "../../approvals/view.ts";
import { proposedActions } from "../../facts/proposed-actions.ts";
import { type CallPlace, decodeHeld, type HeldTurn, placeKey } from "./turn.ts";
import { sentText, textOf } from "./turn-answer.ts";

/** `held` is a hold's answer as the gateway put it there, `waiting` where its approvals stand in it. */
export function turnBeside(held: Uint8Array, waiting: readonly CallPlace[]): TurnBeside {
  const turn = decodeHeld(held);
  if (turn.kind === "request") return { said: [], permitted: [] };
  const waits = new Set(waiting.map(placeKey));
  const said = turn.choices.map(({ index }) => ({ choice: index, text: saidBy(turn, index) }));
  return {
    said: said.filter(({ text }) => text !== ""),
    permitted: turn.choices
      .flatMap(({ index, message }) => proposedActions(index, message))
      .filter((action) => !waits.has(placeKey(action)))
      .map(({ tool, argumentBytes }) => ({ tool, arguments: argumentBytes })),
  };
}

function saidBy(turn: HeldTurn, choice: number): string {
  if (turn.kind === "whole") {
    return textOf(turn.choices.find(({ index }) => index === choice)?.message["content"]);
  }
  const held = turn.held.filter(({ choices }) => choices.includes(choice)).map(({ raw }) => raw);
  return sentText(turn.sent + held.join(""), choice);
}
