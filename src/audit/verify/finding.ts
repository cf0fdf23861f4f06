// What verification can find wrong.

import { type CallFinding, callFindingText } from "./call-finding.ts";
import { type LogFinding, logFindingText } from "./log-finding.ts";

export type Finding = LogFinding | CallFinding;

/** One line for people; lowercase, no full stop. */
export function findingText(finding: Finding): string {
  return "call" in finding ? callFindingText(finding) : logFindingText(finding);
}

/** The first of them are kept. */
const maxKept = 1_000;

export class Findings {
  readonly kept: Finding[] = [];
  logCount = 0;
  callCount = 0;

  get count(): number {
    return this.logCount + this.callCount;
  }

  readonly log = (finding: LogFinding): void => {
    this.logCount += 1;
    this.#keep(finding);
  };

  readonly call = (finding: CallFinding): void => {
    this.callCount += 1;
    this.#keep(finding);
  };

  #keep(finding: Finding): void {
    if (this.kept.length < maxKept) this.kept.push(finding);
  }
}
