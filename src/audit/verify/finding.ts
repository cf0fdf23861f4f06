// What verification can find wrong. Each finding names the entry, what was expected there and what was found.

/** Where a checkpoint that the log is held against comes from. */
export type CheckpointOrigin = "stored" | "pinned";

export type LogFinding =
  | { readonly reason: "other_log"; readonly expected: string; readonly found: string | null }
  | { readonly reason: "no_checkpoint" }
  | {
      readonly reason: "invalid_checkpoint";
      readonly checkpoint: CheckpointOrigin;
      readonly detail: string;
      /** How many have this fault. */
      readonly count: number;
    }
  /** The log ends before the largest checkpoint that was signed over more of it. */
  | {
      readonly reason: "log_truncated";
      readonly checkpoint: CheckpointOrigin;
      readonly expected: number;
      readonly found: number;
    }
  /** Something in entries `entry` ≤ index < `size` is not what was signed; everything before is. */
  | {
      readonly reason: "root_mismatch";
      readonly checkpoint: CheckpointOrigin;
      readonly entry: number;
      readonly size: number;
      readonly expected: string;
      /** Null when entries are missing, so that there is no root. */
      readonly found: string | null;
    }
  /** Entries `entry` ≤ index < `to` are not there. */
  | { readonly reason: "entries_missing"; readonly entry: number; readonly to: number }
  /** An entry where another index was due: one that was moved or stands twice. */
  | { readonly reason: "entry_out_of_order"; readonly expected: number; readonly entry: number }
  | { readonly reason: "unreadable_entry"; readonly entry: number; readonly detail: string }
  | {
      readonly reason: "wrong_beginning";
      readonly entry: number;
      readonly expected: string;
      readonly found: string;
    }
  | {
      readonly reason: "epoch_out_of_order";
      readonly entry: number;
      readonly expected: string;
      readonly found: number;
    }
  | {
      readonly reason: "time_backwards";
      readonly entry: number;
      readonly expected: string;
      readonly found: string;
    };

export type CallFinding =
  | {
      readonly reason: "dispatch_out_of_order";
      readonly entry: number;
      readonly call: string;
      readonly expected: number;
      readonly found: number;
    }
  | {
      readonly reason: "other_application";
      readonly entry: number;
      readonly call: string;
      readonly expected: string;
      readonly found: string;
    }
  /** Something about a call after it was completed by the entry `completed`. */
  | {
      readonly reason: "decided_after_completion";
      readonly entry: number;
      readonly call: string;
      readonly completed: number;
    }
  | {
      readonly reason: "completed_twice";
      readonly entry: number;
      readonly call: string;
      readonly completed: number;
    }
  /** A completion or action of a call that no entry decides. */
  | { readonly reason: "no_decision"; readonly entry: number; readonly call: string }
  /** It went to `found`, and no earlier entry permits that. */
  | {
      readonly reason: "dispatched_without_permit";
      readonly entry: number;
      readonly call: string;
      readonly expected: readonly string[];
      readonly found: string | null;
    }
  /** An action out of an answer to a dispatch that was not permitted. */
  | {
      readonly reason: "action_without_permit";
      readonly entry: number;
      readonly call: string;
      readonly dispatch: number;
    }
  /** The answer was handed on, though the action at `action` was held or denied. */
  | {
      readonly reason: "action_released";
      readonly entry: number;
      readonly call: string;
      readonly action: number;
      readonly found: "hold" | "deny";
    }
  | {
      readonly reason: "stamped_before_decision";
      readonly entry: number;
      readonly call: string;
      readonly expected: string;
      readonly found: string;
    }
  /** A write was permitted with neither an `unattended` catalog entry nor an approval. */
  | {
      readonly reason: "write_without_basis";
      readonly entry: number;
      readonly call: string;
      readonly tool: string;
    };

export type Finding = LogFinding | CallFinding;

/** One line for people; lowercase, no full stop. */
export function findingText(finding: Finding): string {
  return "call" in finding ? `entry ${finding.entry}: ${callText(finding)}` : logText(finding);
}

function logText(finding: LogFinding): string {
  switch (finding.reason) {
    case "other_log":
      return `the log is \`${finding.found ?? "without a name"}\`, not \`${finding.expected}\``;
    case "no_checkpoint":
      return "no signed checkpoint vouches for any of the log";
    case "invalid_checkpoint":
      return finding.count === 1
        ? `the ${finding.checkpoint} checkpoint cannot be believed: ${finding.detail}`
        : `of the ${finding.checkpoint} checkpoints ${finding.count} cannot be believed: ${finding.detail}`;
    case "log_truncated":
      return `the log has ${finding.found} entries, and the ${finding.checkpoint} checkpoint was signed over ${finding.expected}`;
    case "root_mismatch":
      return `entries ${finding.entry} to ${finding.size - 1} are not those that the ${finding.checkpoint} checkpoint was signed over: root ${finding.expected} was expected, ${finding.found ?? "none"} found`;
    case "entries_missing":
      return `entries ${finding.entry} to ${finding.to - 1} are missing`;
    case "entry_out_of_order":
      return `entry ${finding.entry} stands where entry ${finding.expected} was expected`;
    case "unreadable_entry":
      return `entry ${finding.entry}: ${finding.detail}`;
    case "wrong_beginning":
      return `entry ${finding.entry}: ${finding.expected} was expected, ${finding.found} found`;
    case "epoch_out_of_order":
      return `entry ${finding.entry}: epoch ${finding.expected} was expected, ${finding.found} found`;
    case "time_backwards":
      return `entry ${finding.entry}: its time ${finding.found} is before ${finding.expected}, that of an earlier entry`;
  }
}

function callText(finding: CallFinding): string {
  const call = `call \`${finding.call}\``;
  switch (finding.reason) {
    case "dispatch_out_of_order":
      return `${call}: dispatch ${finding.expected} was expected, ${finding.found} found`;
    case "other_application":
      return `${call}: it is \`${finding.expected}\`'s, and \`${finding.found}\` is named`;
    case "decided_after_completion":
      return `${call}: something is decided after entry ${finding.completed} completed it`;
    case "completed_twice":
      return `${call}: it was completed by entry ${finding.completed} already`;
    case "no_decision":
      return `${call}: no earlier entry decides it`;
    case "dispatched_without_permit":
      return `${call}: it went to \`${finding.found ?? "nowhere that is named"}\`, and earlier entries permit ${quoted(finding.expected)}`;
    case "action_without_permit":
      return `${call}: an action answers dispatch ${finding.dispatch}, which no earlier entry permits`;
    case "action_released":
      return `${call}: it ended \`ok\`, though entry ${finding.action} decided \`${finding.found}\` on one of its actions`;
    case "stamped_before_decision":
      return `${call}: its time ${finding.found} is before ${finding.expected}, that of the call's first decision`;
    case "write_without_basis":
      return `${call}: the write \`${finding.tool}\` is permitted with neither an approval nor an unattended catalog entry`;
  }
}

function quoted(targets: readonly string[]): string {
  return targets.length === 0 ? "nothing" : targets.map((target) => `\`${target}\``).join(", ");
}
