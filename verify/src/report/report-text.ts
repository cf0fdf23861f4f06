// What a verification tells people: counts of what was checked, layer by layer, what was found, and what was not checked.

import { findingText } from "../rules/finding.ts";
import { notCheckedText } from "../rules/not-checked.ts";
import type { VerifyReport } from "../rules/verify-log.ts";
import { printable, styled } from "./terminal-text.ts";

/** `pin` is the path of the checkpoint that was kept outside. */
export function reportText(report: VerifyReport, pin: string | null): string {
  const { log, governance, replay, findings, moreFindings, notChecked } = report;
  return [
    ...logLines(report, pin),
    `log: ${verdict(log.ok)}`,
    ...governanceLines(report),
    `governance: ${verdict(governance.ok)}`,
    ...replayLines(report),
    `replay: ${replay === null ? "not done" : verdict(replay.ok)}`,
    ...findings.map((finding) => styled("red", `FOUND ${printable(findingText(finding))}`)),
    ...(moreFindings > 0 ? [`and ${moreFindings} findings more`] : []),
    ...notChecked.map((open) => `not checked: ${notCheckedText(open)}`),
    report.ok ? styled("green", "it holds") : styled("red", "it does not hold"),
  ].join("\n");
}

function verdict(holds: boolean): string {
  return holds ? "holds" : "does not hold";
}

function logLines({ origin, log }: VerifyReport, pin: string | null): readonly string[] {
  const { payloads, tiles, clockResets } = log;
  return [
    `log ${printable(origin)}: ${log.entries} entries, ${log.checkpoints} checkpoints, ${log.unsealed} not sealed yet`,
    pin === null
      ? "head kept outside: none; name one with --pin"
      : `head kept outside: \`${printable(pin)}\`${log.pinned ? "" : ", of which there is none yet"}`,
    ...(tiles === null ? [] : [`tiles: ${tiles} are those of the entries`]),
    ...witnessesLine(log.witnessed),
    ...(clockResets > 0
      ? [`clock: operators had time count anew ${clockResets} times, so entries before may be stamped later`]
      : []),
    `payload: ${payloads.committed} entries commit to some${
      payloads.erasedOrMissing === null
        ? ""
        : `, the salts of ${payloads.erasedOrMissing} are erased or missing`
    }${payloads.matching === null ? "" : `, ${payloads.matching} kept fields are what was recorded`}`,
  ];
}

function witnessesLine(witnessed: VerifyReport["log"]["witnessed"]): readonly string[] {
  if (witnessed === null || witnessed.time === null) return [];
  const { size, witnesses, time } = witnessed;
  return [`witnesses: the first ${size} entries, by ${printable(witnesses.join(", "))}, at ${time}`];
}

function governanceLines({ governance }: VerifyReport): readonly string[] {
  return [
    `policy: ${governance.revisions} revisions put in force, ${governance.decisions} decisions`,
    `calls: ${governance.calls} decided, ${governance.completed} completed (${governance.unknownOutcomes} with unknown outcome), ${governance.open} open, ${governance.dispatched} dispatched`,
    `actions: ${governance.actions} decided, ${governance.actionsPermitted} permitted (writes: ${governance.writesApproved} approved, ${governance.writesUnattended} unattended)`,
    approvalsLine(governance),
  ];
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
    `replayed: ${replay.same} of ${asked} decisions evaluated again with the outcome on record, ${replay.notAsked} denied unasked`,
  ];
}
