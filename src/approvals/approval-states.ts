// What may become of an approval: the one table of its states. docs/approvals.md draws it; a pair that is not in it does
// nothing, and whoever asks for it is told in which state the approval is.

export const approvalStates = [
  "pending",
  "approved",
  "releasing",
  "released",
  "executing",
  "succeeded",
  "failed",
  "unknown",
  "rejected",
  "expired",
  "cancelled",
  "superseded",
  "lapsed",
  "revoked",
  "stale",
] as const;
export type ApprovalState = (typeof approvalStates)[number];

export const approvalEvents = [
  /** The last vote that was missing. */
  "votes_complete",
  "reject",
  /** `decide_within` is over. */
  "decide_time_over",
  /** By who asked for it. */
  "cancel",
  /** Its bytes were changed: another revision takes its place. */
  "edit",
  /** `use_within` is over. */
  "use_time_over",
  /** By an operator. */
  "revoke",
  /** Policy of today asks for more than was given. */
  "recheck_stricter",
  "claim",
  /** The bytes are the client's. */
  "deliver",
  /** A connector is about to be called. */
  "execute",
  "succeed",
  "fail",
  /** Nobody can tell whether the connector was called. */
  "lose_track",
] as const;
export type ApprovalEvent = (typeof approvalEvents)[number];

const transitions: Readonly<Record<ApprovalState, Readonly<Partial<Record<ApprovalEvent, ApprovalState>>>>> =
  {
    pending: {
      votes_complete: "approved",
      reject: "rejected",
      decide_time_over: "expired",
      cancel: "cancelled",
      edit: "superseded",
      revoke: "revoked",
    },
    approved: {
      claim: "releasing",
      use_time_over: "lapsed",
      cancel: "cancelled",
      revoke: "revoked",
      recheck_stricter: "stale",
    },
    releasing: { deliver: "released", execute: "executing" },
    executing: { succeed: "succeeded", fail: "failed", lose_track: "unknown" },
    released: {},
    succeeded: {},
    failed: {},
    unknown: {},
    rejected: {},
    expired: {},
    cancelled: {},
    superseded: {},
    lapsed: {},
    revoked: {},
    stale: {},
  };

/** The state that `event` leads to, or null when nothing of the kind can happen in `state`. */
export function nextState(state: ApprovalState, event: ApprovalEvent): ApprovalState | null {
  return transitions[state][event] ?? null;
}

/** Whether nothing can happen any more. */
export function isFinal(state: ApprovalState): boolean {
  return Object.keys(transitions[state]).length === 0;
}

/** Whether the client can still get what it stands for, now or later. */
export function isOpen(state: ApprovalState): boolean {
  return state === "pending" || state === "approved" || state === "releasing";
}
