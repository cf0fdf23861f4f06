// What verification can find wrong.

import { type ApprovalFinding, approvalFindingText } from "./approval-finding.ts";
import { type CallFinding, callFindingText } from "./call-finding.ts";
import { type LogFinding, logFindingText } from "./log-finding.ts";
import { isReplayFinding, type ReplayFinding, replayFindingText } from "./replay-finding.ts";

export type Finding = LogFinding | CallFinding | ApprovalFinding | ReplayFinding;

/** One line for people; lowercase, no full stop. */
export function findingText(finding: Finding): string {
  if (isReplayFinding(finding)) return replayFindingText(finding);
  if ("approval" in finding) return approvalFindingText(finding);
  return "call" in finding ? callFindingText(finding) : logFindingText(finding);
}

/** The first of them are kept. */
const maxKept = 1_000;

export class Findings {
  readonly kept: Finding[] = [];
  logCount = 0;
  governanceCount = 0;
  replayCount = 0;

  get count(): number {
    return this.logCount + this.governanceCount + this.replayCount;
  }

  readonly log = (finding: LogFinding): void => {
    this.logCount += 1;
    this.#keep(finding);
  };

  readonly governance = (finding: CallFinding | ApprovalFinding): void => {
    this.governanceCount += 1;
    this.#keep(finding);
  };

  readonly replay = (finding: ReplayFinding): void => {
    this.replayCount += 1;
    this.#keep(finding);
  };

  #keep(finding: Finding): void {
    if (this.kept.length < maxKept) this.kept.push(finding);
  }
}
