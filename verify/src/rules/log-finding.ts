// What can be wrong with a log whatever its entries say: with the tree, its checkpoints, and what the store keeps beside.
// Each finding names the entry, what was expected there and what was found.

/** Where a checkpoint that the log is held against comes from. */
export type CheckpointOrigin = "stored" | "pinned";

export type LogFinding =
  | IdentityFinding
  | CheckpointFinding
  | HeadFinding
  | TreeFinding
  | TileFinding
  | StoreFinding
  | OrderFinding;

type IdentityFinding =
  /** There are entries, and nothing says of which log. */
  | { readonly reason: "no_identity"; readonly expected: string }
  | { readonly reason: "other_log"; readonly expected: string; readonly found: string }
  /** The right key under another name. */
  | { readonly reason: "other_origin"; readonly expected: string; readonly found: string };

type CheckpointFinding =
  | { readonly reason: "no_checkpoint" }
  | {
      readonly reason: "invalid_checkpoint";
      readonly checkpoint: CheckpointOrigin;
      readonly detail: string;
      /** How many have this fault. */
      readonly count: number;
    }
  /** What is kept beside the signed note is not what the note says. */
  | {
      readonly reason: "altered_checkpoint";
      readonly column: "size" | "root" | "frontier";
      /** Size of the first one, as its note has it. */
      readonly size: number;
      readonly count: number;
    }
  /** A line of a known witness is no cosignature of it on that checkpoint. */
  | {
      readonly reason: "wrong_cosignature";
      readonly checkpoint: CheckpointOrigin;
      readonly witness: string;
      /** Of the first such checkpoint. */
      readonly size: number;
      readonly count: number;
    }
  /** Not enough witnesses have cosigned any checkpoint; `size` is that of the newest. */
  | { readonly reason: "no_quorum"; readonly size: number }
  /** The witness policy is about other logs. */
  | { readonly reason: "log_not_in_policy"; readonly expected: string }
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
    };

type HeadFinding =
  /** The log had a larger head when it was asked at the beginning. */
  | { readonly reason: "log_went_back"; readonly expected: number; readonly found: number }
  /** Two signed heads, of sizes `size` and `later`, that are not those of one log. */
  | {
      readonly reason: "two_heads";
      readonly size: number;
      readonly later: number;
      readonly expected: string;
      readonly found: string;
    };

type TreeFinding =
  /** Entries `entry` ≤ index < `to` are not there. */
  | { readonly reason: "entries_missing"; readonly entry: number; readonly to: number }
  /** An entry where another index was due: one that was moved or stands twice. */
  | { readonly reason: "entry_out_of_order"; readonly expected: number; readonly entry: number }
  | { readonly reason: "unreadable_entry"; readonly entry: number; readonly detail: string };

type TileFinding =
  | { readonly reason: "tile_missing"; readonly tile: string }
  /** Not of the form that a tile or a bundle of entries has. */
  | { readonly reason: "unreadable_tile"; readonly tile: string; readonly detail: string }
  /** The first hash in it that is not the one that the entries give; `entry` is the first that it is over. */
  | {
      readonly reason: "tile_mismatch";
      readonly tile: string;
      readonly entry: number;
      readonly expected: string;
      readonly found: string;
    };

type StoreFinding =
  | { readonly reason: "no_head"; readonly entries: number }
  /** The stored head is not that of the tree of the entries. */
  | {
      readonly reason: "head_mismatch";
      readonly size: number;
      readonly expected: string;
      /** Null when it is the head of no tree. */
      readonly found: string | null;
    }
  /** The stored epoch is lower than one that was given out, so that a fenced writer could write. */
  | { readonly reason: "epoch_set_back"; readonly expected: number; readonly found: number }
  /** Recovery would start behind the entry of a call that is open, and never complete it. */
  | { readonly reason: "recovery_too_late"; readonly entry: number; readonly found: number }
  /** Recovery would start where no log is: it believes that everything before is complete. */
  | { readonly reason: "recovery_beyond_log"; readonly size: number; readonly found: number }
  /** Entries that the head does not cover. */
  | { readonly reason: "stray_entries"; readonly size: number; readonly count: number }
  /** By their ids, entries are found elsewhere or not at all. */
  | {
      readonly reason: "misplaced_ids";
      /** The first such entry. */
      readonly entry: number;
      readonly found: number | null;
      readonly count: number;
    }
  | { readonly reason: "surplus_ids"; readonly expected: number; readonly found: number }
  /** Payload is kept that is not what the entry committed to, or does not decrypt: it or the salt was changed. */
  | {
      readonly reason: "payload_contradicts";
      readonly entry: number;
      readonly field: string;
      readonly found: "differs" | "damaged";
    };

type OrderFinding =
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

/** One line for people; lowercase, no full stop. */
export function logFindingText(finding: LogFinding): string {
  switch (finding.reason) {
    case "no_identity":
      return `nothing in the store says of which log its entries are; by its key it is \`${finding.expected}\``;
    case "other_log":
      return `the log is \`${finding.found}\`, not \`${finding.expected}\``;
    case "other_origin":
      return `the log calls itself \`${finding.found}\`, and its key is that of \`${finding.expected}\``;
    case "no_checkpoint":
      return "no signed checkpoint vouches for any of the log";
    case "invalid_checkpoint":
      return finding.count === 1
        ? `the ${finding.checkpoint} checkpoint cannot be believed: ${finding.detail}`
        : `of the ${finding.checkpoint} checkpoints ${finding.count} cannot be believed: ${finding.detail}`;
    case "altered_checkpoint":
      return `the ${finding.column} kept with a checkpoint is not that of its signed note: ${finding.count} of the stored ones, first that of size ${finding.size}`;
    case "wrong_cosignature":
      return `a cosignature of the witness \`${finding.witness}\` is wrong: on ${finding.count} of the ${finding.checkpoint} checkpoints, first that of size ${finding.size}`;
    case "no_quorum":
      return `no checkpoint has the cosignatures that the witness policy asks for; the newest is of size ${finding.size}`;
    case "log_not_in_policy":
      return `the witness policy lists other logs, and not \`${finding.expected}\``;
    case "log_truncated":
      return `the log has ${finding.found} entries, and the ${finding.checkpoint} checkpoint was signed over ${finding.expected}`;
    case "root_mismatch":
      return `entries ${finding.entry} to ${finding.size - 1} are not those that the ${finding.checkpoint} checkpoint was signed over: root ${finding.expected} was expected, ${finding.found ?? "none"} found`;
    case "log_went_back":
      return `the log showed a head of ${finding.expected} entries, and then one of ${finding.found}`;
    case "two_heads":
      return `the log showed two heads that are not of one log: of ${finding.size} entries with the root ${finding.expected}, and of ${finding.later} with the root ${finding.found}`;
    case "entries_missing":
      return `entries ${finding.entry} to ${finding.to - 1} are missing`;
    case "entry_out_of_order":
      return `entry ${finding.entry} stands where entry ${finding.expected} was expected`;
    case "unreadable_entry":
      return `entry ${finding.entry}: ${finding.detail}`;
    case "tile_missing":
      return `the file \`${finding.tile}\` is not there`;
    case "unreadable_tile":
      return `the file \`${finding.tile}\` cannot be read: ${finding.detail}`;
    case "tile_mismatch":
      return `the file \`${finding.tile}\` is not the tile of the entries: its hash over entry ${finding.entry} is ${finding.found}, and ${finding.expected} was expected`;
    case "wrong_beginning":
      return `entry ${finding.entry}: ${finding.expected} was expected, ${finding.found} found`;
    case "epoch_out_of_order":
      return `entry ${finding.entry}: epoch ${finding.expected} was expected, ${finding.found} found`;
    case "time_backwards":
      return `entry ${finding.entry}: its time ${finding.found} is before ${finding.expected}, that of an earlier entry`;
    default:
      return storeFindingText(finding);
  }
}

function storeFindingText(finding: StoreFinding): string {
  switch (finding.reason) {
    case "no_head":
      return `the head of the log is gone or no head, and there are ${finding.entries} entries`;
    case "head_mismatch":
      return `the stored head of ${finding.size} entries is not that of the entries: root ${finding.expected} was expected, ${finding.found ?? "no tree"} found`;
    case "epoch_set_back":
      return `the stored epoch is ${finding.found}, and an entry has ${finding.expected}`;
    case "recovery_too_late":
      return `entry ${finding.entry} is of a call that is open, and recovery would start at ${finding.found}`;
    case "recovery_beyond_log":
      return `recovery would start at entry ${finding.found}, and the log ends at ${finding.size}`;
    case "stray_entries":
      return `outside of the head, which ends at ${finding.size}, there are entries: ${finding.count}`;
    case "misplaced_ids": {
      const where = finding.found === null ? "nowhere" : `to ${finding.found}`;
      return `ids of entries lead to another entry or nowhere: ${finding.count}, first that of entry ${finding.entry} ${where}`;
    }
    case "surplus_ids":
      return `the store keeps ${finding.found} ids of entries, for ${finding.expected} entries`;
    case "payload_contradicts":
      return finding.found === "differs"
        ? `entry ${finding.entry}: the payload \`${finding.field}\` or its salt was changed: it is not what the entry committed to`
        : `entry ${finding.entry}: the payload \`${finding.field}\` was changed or moved: it does not decrypt`;
  }
}
