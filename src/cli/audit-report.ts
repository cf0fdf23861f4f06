// What `audit verify` tells people: counts of what was checked, what was found, and what was not checked.

import { findingText } from "portcullis-verify/rules/finding.ts";
import { notCheckedText } from "portcullis-verify/rules/not-checked.ts";
import type { VerifyReport } from "portcullis-verify/rules/verify-log.ts";
import { printable, styled } from "./table.ts";

/** `pin` is the path of the checkpoint that was kept outside. */
export function reportText(report: VerifyReport, pin: string | null): string {
  const { log, governance, findings, moreFindings, notChecked } = report;
  const { payloads } = log;
  return [
    `log ${printable(report.origin)}: ${log.entries} entries, ${log.checkpoints} checkpoints, ${log.unsealed} not sealed yet`,
    pin === null
      ? "head kept outside: none; name one with --pin"
      : `head kept outside: \`${printable(pin)}\``,
    ...(log.clockResets > 0
      ? [
          `clock: operators had time count anew ${log.clockResets} times, so entries before may be stamped later`,
        ]
      : []),
    `payload: ${payloads.committed} entries commit to some, the salts of ${payloads.erasedOrMissing} are erased or missing${
      payloads.matching === null ? "" : `, ${payloads.matching} kept fields are what was recorded`
    }`,
    `policy: ${governance.revisions} revisions put in force, ${governance.decisions} decisions`,
    `calls: ${governance.calls} decided, ${governance.completed} completed (${governance.unknownOutcomes} with unknown outcome), ${governance.open} open, ${governance.dispatched} dispatched`,
    `actions: ${governance.actions} decided, ${governance.actionsPermitted} permitted (writes: ${governance.writesApproved} approved, ${governance.writesUnattended} unattended)`,
    approvalsLine(governance),
    ...replayLines(report),
    ...findings.map((finding) => styled("red", `FOUND ${printable(findingText(finding))}`)),
    ...(moreFindings > 0 ? [`and ${moreFindings} findings more`] : []),
    ...notChecked.map((open) => `not checked: ${notCheckedText(open)}`),
    report.ok ? styled("green", "it holds") : styled("red", "it does not hold"),
  ].join("\n");
}

function approvalsLine({ approvals }: VerifyReport["governance"]): string {
  const { requested, released, open, votes, votesRefused, closed } = approvals;
  const ended = Object.entries(closed).filter(([, count]) => count > 0);
  const ends = ended.map(([state, count]) => `, ${count} ${state}`).join("");
  return `approvals: ${requested} requested, ${released} released${ends}, ${open} open; votes: ${votes} cast, ${votesRefused} refused`;
}

function replayLines({ replay, governance }: VerifyReport): readonly string[] {
  if (replay === null) return [];
  const asked = governance.decisions - replay.notAsked;
  return [
    `replay: ${replay.same} of ${asked} decisions evaluated again with the outcome on record, ${replay.notAsked} denied unasked`,
  ];
}
