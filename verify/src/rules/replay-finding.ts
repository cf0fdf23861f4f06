// What can be wrong with a decision once it is evaluated again.

export type ReplayFinding = { readonly entry: number; readonly call: string } & (
  | { readonly reason: "decision_differs"; readonly detail: string }
  /** Told with the first decision that names it. */
  | { readonly reason: "revision_changed"; readonly revision: string }
);

/** One line for people; lowercase, no full stop. */
export function replayFindingText(finding: ReplayFinding): string {
  const place = `entry ${finding.entry}: call \`${finding.call}\``;
  switch (finding.reason) {
    case "decision_differs":
      return `${place}: ${finding.detail}`;
    case "revision_changed":
      return `${place}: what is kept of the policies \`${finding.revision}\` is not what their hash says; they were changed in the data store`;
  }
}

export function isReplayFinding(finding: { readonly reason: string }): finding is ReplayFinding {
  return finding.reason === "decision_differs" || finding.reason === "revision_changed";
}
