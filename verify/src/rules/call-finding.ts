// What can be wrong with a call, even in a log that its gateway signed.

export type CallFinding = { readonly entry: number; readonly call: string } & (
  | { readonly reason: "dispatch_out_of_order"; readonly expected: number; readonly found: number }
  | { readonly reason: "other_application"; readonly expected: string; readonly found: string }
  /** Something about a call after it was completed by the entry `completed`. */
  | { readonly reason: "decided_after_completion"; readonly completed: number }
  | { readonly reason: "completed_twice"; readonly completed: number }
  /** A completion or action of a call that no entry decides. */
  | { readonly reason: "no_decision" }
  /** The first decision under a revision that no earlier entry put in force. */
  | { readonly reason: "revision_not_activated"; readonly revision: string }
  /**
   * The gateway started again at `opened` and went on at `resumed`, by when its recovery had completed all that it found
   * open; this call it had not.
   */
  | { readonly reason: "never_completed"; readonly opened: number; readonly resumed: number }
  /** It went to `found`, and no earlier entry permits that. */
  | {
      readonly reason: "dispatched_without_permit";
      readonly expected: readonly string[];
      readonly found: string | null;
    }
  /** An action out of an answer to a dispatch that was not permitted. */
  | { readonly reason: "action_without_permit"; readonly dispatch: number }
  /** The answer was handed on, though the action at `action` was held or denied. */
  | { readonly reason: "action_released"; readonly action: number; readonly found: "hold" | "deny" }
  /** An action that was decided at `earlier` is decided again, and not because it was signed off. */
  | { readonly reason: "action_decided_again"; readonly earlier: number }
  /** It is said to wait, or a part was handed on, and no sign-off was asked for the action that is held. */
  | { readonly reason: "nobody_asked"; readonly action: number }
  /** It got an answer that waited, and no earlier entry of its application asks for sign-offs under that name. */
  | { readonly reason: "hold_unknown"; readonly hold: string }
  /** It got an answer, and no action of it was permitted or released to it. */
  | { readonly reason: "nothing_released" }
  /** A part of its answer is said to have been cut out, and all of it was permitted. */
  | { readonly reason: "nothing_withheld" }
  /** It got the whole of an answer that waited, though the approval `left` was not released to it. */
  | { readonly reason: "hold_not_released"; readonly left: string }
  /** Nothing is said to have been handed on, and the entry `released` does. */
  | { readonly reason: "released_nonetheless"; readonly outcome: string; readonly released: number }
  | { readonly reason: "stamped_before_decision"; readonly expected: string; readonly found: string }
  | { readonly reason: "left_open"; readonly recovered: number }
  /** A write was permitted with neither an `unattended` catalog entry nor an approval. */
  | { readonly reason: "write_without_basis"; readonly tool: string }
);

/** One line for people; lowercase, no full stop. */
export function callFindingText(finding: CallFinding): string {
  return `entry ${finding.entry}: call \`${finding.call}\`: ${wrong(finding)}`;
}

function wrong(finding: CallFinding): string {
  switch (finding.reason) {
    case "dispatch_out_of_order":
      return `dispatch ${finding.expected} was expected, ${finding.found} found`;
    case "other_application":
      return `it is \`${finding.expected}\`'s, and \`${finding.found}\` is named`;
    case "decided_after_completion":
      return `something is decided after entry ${finding.completed} completed it`;
    case "completed_twice":
      return `it was completed by entry ${finding.completed} already`;
    case "no_decision":
      return "no earlier entry decides it";
    case "revision_not_activated":
      return `it is decided by the policy revision ${finding.revision}, which no earlier entry put in force`;
    case "never_completed":
      return `nothing completes it, though the gateway started again at entry ${finding.opened} and went on at entry ${finding.resumed}`;
    case "left_open":
      return `nothing completes it, though entry ${finding.recovered} says that all of its instance's calls are completed`;
    case "dispatched_without_permit":
      return `it went to \`${finding.found ?? "nowhere that is named"}\`, and earlier entries permit ${quoted(finding.expected)}`;
    case "action_without_permit":
      return `an action answers dispatch ${finding.dispatch}, which no earlier entry permits`;
    case "action_released":
      return `it ended \`ok\`, though entry ${finding.action} decided \`${finding.found}\` on one of its actions`;
    case "action_decided_again":
      return `an action that entry ${finding.earlier} decided is decided again without an approval`;
    case "nobody_asked":
      return `no sign-off was asked for the action that entry ${finding.action} holds, and its answer was not withheld`;
    case "hold_unknown":
      return `it got the answer of hold \`${finding.hold}\`, which no earlier entry of its application knows`;
    case "nothing_released":
      return "actions were handed to it, and no entry permits or releases one";
    case "nothing_withheld":
      return "it ended `partial`, and all of its actions were permitted";
    case "hold_not_released":
      return `it ended \`ok\`, though approval \`${finding.left}\` of its hold was not released to it`;
    case "released_nonetheless":
      return `it ended \`${finding.outcome}\`, though entry ${finding.released} releases an action to it`;
    case "stamped_before_decision":
      return `its time ${finding.found} is before ${finding.expected}, that of the call's first decision`;
    case "write_without_basis":
      return `the write \`${finding.tool}\` is permitted with neither an approval nor an unattended catalog entry`;
  }
}

function quoted(targets: readonly string[]): string {
  return targets.length === 0 ? "nothing" : targets.map((target) => `\`${target}\``).join(", ");
}
