// What becomes of the tool calls of a turn: which go out, with which arguments, and what is said in place of the others.

import type { ApprovalContent } from "../../approvals/approval.ts";
import type { Part } from "../../approvals/releasing.ts";
import type { CallOutcome } from "../call-run.ts";
import { type CallPlace, type Fates, type HeldTurn, placeKey } from "./turn.ts";
import { type Unreleased, unreleasedNote } from "./words.ts";

/** One that does not go out. */
export interface Left extends CallPlace {
  /** What is said of it; null where nothing can be. */
  readonly told: Unreleased | null;
}

/** Once all is decided. `call` is the one that gets it. */
export function releasedFates(
  released: readonly (Part & { readonly content: ApprovalContent })[],
  left: readonly Left[],
  call: string,
): Fates {
  const edited = released.filter(({ approval }) => approval.revision > 1);
  return {
    dropped: new Set(left.map(placeKey)),
    edited: new Map(edited.map(({ approval, content }) => [placeKey(approval), content.bytes])),
    note: (choice, text) => {
      const here = left.flatMap((one) => (one.choice === choice && one.told !== null ? [one.told] : []));
      return here.length === 0 ? null : behind(text, unreleasedNote(here, call));
    },
  };
}

export function outcomeOf(turn: HeldTurn, left: number): CallOutcome {
  if (left === 0) return "ok";
  const proposed = turn.choices.reduce((sum, { message }) => sum + proposals(message), 0);
  return proposed > left ? "partial" : "withheld";
}

/** While it waits nothing goes out. `marker` is the sign by which a later request goes on, behind the text that it is given. */
export function waitingFates(
  turn: HeldTurn,
  note: string,
  marker: (choice: number, text: string) => string,
): Fates {
  const everything = turn.choices.flatMap(({ index, message }) =>
    Array.from({ length: proposals(message) }, (_, position) => placeKey({ choice: index, position })),
  );
  return {
    dropped: new Set(everything),
    edited: new Map(),
    note: (choice, text) => {
      const said = `${text}${behind(text, note)}\n\n`;
      return `${said.slice(text.length)}${marker(choice, said)}`;
    },
  };
}

function proposals(message: HeldTurn["choices"][number]["message"]): number {
  const { tool_calls: calls, function_call: legacy } = message;
  return (Array.isArray(calls) ? calls.length : 0) + (legacy === undefined || legacy === null ? 0 : 1);
}

/** Set off from the text before it. */
function behind(text: string, note: string): string {
  return text === "" ? note : `\n\n${note}`;
}
