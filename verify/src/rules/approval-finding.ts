// What can be wrong with an approval, even in a log that its gateway signed.

import type { KnownState } from "./hold-book.ts";

export type ApprovalFinding = { readonly entry: number; readonly approval: string } & (
  | AskingFinding
  | VotingFinding
  | EndingFinding
  | ReleaseFinding
);

type AskingFinding =
  /** No earlier entry asks for it. */
  | { readonly reason: "approval_unknown" }
  | { readonly reason: "asked_twice"; readonly known: number }
  /** Asked for a call that is not open, or a call or action that was not decided `hold`. */
  | { readonly reason: "asked_without_hold"; readonly call: string; readonly action: string | null }
  /** The decision names other sign-offs, or an edit takes one away. */
  | {
      readonly reason: "other_sign_offs";
      readonly expected: readonly string[];
      readonly found: readonly string[];
    }
  /** What the entry says is not what an earlier entry, on which it rests, says. */
  | {
      readonly reason: "other_member";
      readonly member: string;
      readonly expected: string | null;
      readonly found: string | null;
    }
  | { readonly reason: "policy_not_activated"; readonly revision: string };

type VotingFinding =
  | { readonly reason: "other_revision"; readonly expected: number; readonly found: number }
  | { readonly reason: "other_digest"; readonly expected: string; readonly found: string }
  /** Something happens to it that only happens while it is `expected`. */
  | {
      readonly reason: "other_state";
      readonly expected: readonly KnownState[];
      readonly found: KnownState;
      /** The entry that brought it there. */
      readonly since: number;
    }
  /** After its vote it is not what the entry says. */
  | { readonly reason: "wrong_outcome"; readonly expected: string; readonly found: string }
  | { readonly reason: "vote_not_an_operators"; readonly found: string }
  | { readonly reason: "voted_twice"; readonly operator: string; readonly voted: number }
  | { readonly reason: "voted_on_own_edit"; readonly operator: string; readonly edited: number }
  | { readonly reason: "voted_after_removal"; readonly operator: string; readonly removed: number }
  | { readonly reason: "sign_off_not_asked"; readonly signOff: string }
  | { readonly reason: "decided_after_expiry"; readonly expected: string; readonly found: string };

type EndingFinding =
  | { readonly reason: "expired_early"; readonly expected: string; readonly found: string }
  | { readonly reason: "lapsed_early"; readonly expected: string; readonly found: string }
  /** Rejected or superseded, and the entry that goes with it is missing. */
  | { readonly reason: "ending_incomplete"; readonly state: KnownState };

type ReleaseFinding =
  | {
      readonly reason: "votes_missing";
      readonly signOff: string;
      readonly expected: number;
      readonly found: number;
    }
  /** Something that waits with it is not decided yet. */
  | { readonly reason: "released_before_rest"; readonly waiting: string }
  /** The decision at `permit` rests on it already. */
  | { readonly reason: "used_twice"; readonly permit: number }
  /** Handed to a call that is decided to be answered from something else. */
  | {
      readonly reason: "not_picked_up";
      readonly call: string;
      readonly hold: string;
      readonly choice: number | null;
    }
  /** A later call is decided under it, to have what is no answer to the call that it was given for. */
  | { readonly reason: "not_its_answer"; readonly call: string; readonly hold: string }
  /** A decision that is no permit names it. */
  | { readonly reason: "not_a_permit"; readonly found: string }
  /** Handed on after the time for which it could be used. */
  | { readonly reason: "released_late"; readonly expected: string; readonly found: string }
  /** Handed on, and no earlier entry decides that. */
  | { readonly reason: "released_without_decision" }
  /** A decision rests on it, and nothing says that it was handed on. */
  | { readonly reason: "decision_without_release" }
  /** Handed to a call that is not open, or that no earlier entry permits. */
  | { readonly reason: "released_to_nobody"; readonly call: string }
  | { readonly reason: "delivery_out_of_order"; readonly expected: number; readonly found: number }
  /** Fewer sign-offs or a smaller quorum than was asked for, or more votes than there are. */
  | {
      readonly reason: "given_contradicts";
      readonly signOff: string;
      readonly expected: number;
      readonly found: number;
    };

/** One line for people; lowercase, no full stop. */
export function approvalFindingText(finding: ApprovalFinding): string {
  return `entry ${finding.entry}: approval \`${finding.approval}\`: ${wrong(finding)}`;
}

function wrong(finding: ApprovalFinding): string {
  switch (finding.reason) {
    case "approval_unknown":
      return "no earlier entry asks for it";
    case "asked_twice":
      return `entry ${finding.known} is about one of this name already`;
    case "asked_without_hold": {
      const what = finding.action === null ? "" : `action \`${finding.action}\` of `;
      return `it is asked for ${what}call \`${finding.call}\`, which no earlier entry holds, or holds no more`;
    }
    case "other_sign_offs":
      return `sign-offs ${listed(finding.expected)} were expected, ${listed(finding.found)} found`;
    case "other_member":
      return `${finding.member} ${shown(finding.expected)} was expected, ${shown(finding.found)} found`;
    case "policy_not_activated":
      return `it rests on the policy revision ${finding.revision}, which no earlier entry put in force`;
    case "expired_early":
      return `it ended at ${finding.found} as expired, and could be decided until ${finding.expected}`;
    case "lapsed_early":
      return `it lapsed at ${finding.found}, and could be used until ${finding.expected}`;
    case "ending_incomplete":
      return finding.state === "superseded"
        ? "it was superseded, and no edit took its place"
        : `it is ${finding.state}, and no entry ends it`;
    default:
      return wrongVote(finding);
  }
}

function wrongVote(finding: VotingFinding | ReleaseFinding): string {
  switch (finding.reason) {
    case "other_revision":
      return `revision ${finding.expected} was expected, ${finding.found} found`;
    case "other_digest":
      return `digest ${finding.expected} was expected, ${finding.found} found`;
    case "other_state":
      return `it is ${finding.found} since entry ${finding.since}, and this happens only to what is ${finding.expected.join(" or ")}`;
    case "wrong_outcome":
      return `by its votes it is ${finding.expected}, and the entry says ${finding.found}`;
    case "vote_not_an_operators":
      return `it is voted on by \`${finding.found}\`, which is no operator`;
    case "voted_twice":
      return `\`${finding.operator}\` voted in entry ${finding.voted} already`;
    case "voted_on_own_edit":
      return `\`${finding.operator}\` wrote its bytes in entry ${finding.edited}`;
    case "voted_after_removal":
      return `\`${finding.operator}\` was removed by entry ${finding.removed}`;
    case "sign_off_not_asked":
      return `the vote is for \`${finding.signOff}\`, which it does not need`;
    case "decided_after_expiry":
      return `it is decided at ${finding.found}, and could be until ${finding.expected}`;
    default:
      return wrongRelease(finding);
  }
}

function wrongRelease(finding: ReleaseFinding): string {
  switch (finding.reason) {
    case "votes_missing":
      return `\`${finding.signOff}\` needs ${finding.expected} votes over these very bytes, ${finding.found} found`;
    case "released_before_rest":
      return `what it waits together with is not decided: approval \`${finding.waiting}\``;
    case "used_twice":
      return `entry ${finding.permit} rests on it already`;
    case "not_picked_up": {
      const part = finding.choice === null ? "" : `choice ${finding.choice} of `;
      return `it is handed to call \`${finding.call}\`, which is to be answered from ${part}hold \`${finding.hold}\``;
    }
    case "not_its_answer":
      return `hold \`${finding.hold}\` is handed on under it, and is no answer to call \`${finding.call}\``;
    case "not_a_permit":
      return `a decision of \`${finding.found}\` rests on it`;
    case "released_late":
      return `it is handed on at ${finding.found}, and could be until ${finding.expected}`;
    case "released_without_decision":
      return "it is handed on, and no earlier decision rests on it";
    case "decision_without_release":
      return "a decision rests on it, and no entry hands it on";
    case "released_to_nobody":
      return `it is handed to call \`${finding.call}\`, which is not open or not permitted`;
    case "delivery_out_of_order":
      return `delivery ${finding.expected} was expected, ${finding.found} found`;
    case "given_contradicts":
      return `for \`${finding.signOff}\` ${finding.expected} was expected as given, ${finding.found} found`;
  }
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.map((name) => `\`${name}\``).join(", ");
}

function shown(text: string | null): string {
  return text === null ? "none" : `\`${text}\``;
}
