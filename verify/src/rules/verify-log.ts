// Checks a log with nothing but its public key: that it is what was signed, that the store around it fits it, and that its
// calls keep the rules. Streams in bounded memory.

import type { NoteVerifier } from "../log/signed-note.ts";
import type { TlogPolicy } from "../log/tlog-policy.ts";
import type { EntrySource } from "../source/entry-source.ts";
import type { LogContents } from "../source/log-contents.ts";
import { type ApprovalCounts, ApprovalRules } from "./approval-rules.ts";
import { CallBook } from "./call-book.ts";
import { type CallCounts, CallRules, type OpenCallEntry } from "./call-rules.ts";
import { type Extent, type OnEntry, type Progress, type Rules, walkEntries } from "./entry-walk.ts";
import { type Finding, Findings } from "./finding.ts";
import { HoldBook } from "./hold-book.ts";
import { checkLaterHead } from "./later-head.ts";
import { LogRules } from "./log-rules.ts";
import { type Mark, readMarks } from "./marks.ts";
import type { NotChecked } from "./not-checked.ts";
import { type PayloadCounts, type PayloadReader, PayloadRules } from "./payload-rules.ts";
import { type DecisionReplayer, type ReplayCounts, ReplayRules } from "./replay-rules.ts";
import { RevisionRules } from "./revision-rules.ts";
import { logSize, StoreCheck } from "./store-check.ts";
import { TileCheck } from "./tile-check.ts";
import { TreeCheck } from "./tree-check.ts";
import { type WitnessedPart, witnessedPart } from "./witness-check.ts";

export interface VerifyOptions {
  readonly source: EntrySource;
  /** The log's key, from a place that whoever wrote the log does not control. */
  readonly verifier: NoteVerifier;
  /** Set when the key is from the log itself, for want of such a place. */
  readonly keyFromLog?: boolean;
  /** A signed checkpoint seen earlier, or null: without one a truncated or rewritten log can pass, if the key's owner did it. */
  readonly pinned: string | null;
  /** Set when that is the one that the gateway itself keeps beside the log. */
  readonly pinFromLog?: boolean;
  /** Whose cosignatures are enough. */
  readonly policy?: TlogPolicy;
  /** For payload to be held against what its entries committed to. */
  readonly payloads?: PayloadReader;
  /** For decisions to be evaluated again. */
  readonly replayer?: DecisionReplayer;
  /** Called with each entry that can be read, in order. */
  readonly onEntry?: OnEntry;
  readonly onProgress?: Progress;
}

export interface VerifyReport {
  /** Whether nothing was found wrong. */
  readonly ok: boolean;
  readonly origin: string;
  readonly log: {
    readonly ok: boolean;
    readonly entries: number;
    /** Checkpoints with a good signature that were compared, the pinned one included. */
    readonly checkpoints: number;
    readonly pinned: boolean;
    /** Entries below this index are under a stored checkpoint; those from here on are the unsealed tail. */
    readonly sealed: number;
    readonly unsealed: number;
    /** What enough witnesses vouch for; null when no policy says who they are. */
    readonly witnessed: WitnessedPart | null;
    /** How often an operator had time count anew, because the clock had been ahead. */
    readonly clockResets: number;
    /** Tiles of hashes that are those of the entries; null where there are none. */
    readonly tiles: number | null;
    /** The signed note of the newest checkpoint that the entries are those of: what to keep elsewhere, for the next time. */
    readonly newest: string | null;
    readonly payloads: PayloadCounts;
  };
  readonly governance: CallCounts & {
    readonly ok: boolean;
    /** Writes of which the votes on record show that they were signed off before they were handed on. */
    readonly writesApproved: number;
    readonly approvals: ApprovalCounts;
    /** Calls that no entry completes; a running gateway has some. */
    readonly open: number;
    /** The oldest of them. */
    readonly openCalls: readonly OpenCallEntry[];
    /** Policy revisions that were put in force. */
    readonly revisions: number;
    /** Decisions on calls and actions. */
    readonly decisions: number;
  };
  /** Decisions evaluated again; null when none was. */
  readonly replay: (ReplayCounts & { readonly ok: boolean }) | null;
  /** The first of them; `moreFindings` counts the rest. */
  readonly findings: readonly Finding[];
  readonly moreFindings: number;
  /** What the result says nothing about. */
  readonly notChecked: readonly NotChecked[];
}

const maxOpenCalls = 100;

/** Rejects when the source cannot be read, which is evidence of nothing. */
export async function verifyLog(options: VerifyOptions): Promise<VerifyReport> {
  const { source, verifier, pinned, policy } = options;
  const findings = new Findings();
  const marks = await readMarks(source, pinned, verifier, findings.log);
  const witnessed = policy === undefined ? null : witnessedPart(marks, policy, verifier, findings.log);
  // After the checkpoints, so that a log that grows meanwhile is not taken for a truncated one.
  const contents = (await source.records?.contents()) ?? null;
  const extent = contents === null ? signedExtent(marks) : { size: logSize(contents), end: contents.end };
  await checkIdentity(source, verifier, contents, findings);
  const rules = rulesFor(options, contents, marks, findings);
  await walkEntries(source, extent, rules, options.onProgress);
  const first = marks.findLast(({ checkpoint }) => checkpoint === "stored");
  if (source.tiles !== null && first !== undefined) {
    await checkLaterHead(source, source.tiles, verifier, first, findings.log);
  }
  rules.approvals.finish();
  rules.replay?.finish();
  // A store may be new; a copy is one of something.
  if ((extent.size > 0 || contents === null) && first === undefined)
    findings.log({ reason: "no_checkpoint" });
  const [oldest] = rules.calls.openCalls(1);
  rules.store?.finish({
    tree: rules.tree.head,
    epoch: rules.order.epoch,
    oldestOpen: oldest?.entry ?? null,
  });
  return reportOf({ ...options, witnessed }, extent, marks, rules, findings);
}

/** Of a copy: what it signed is all that it has to have. */
function signedExtent(marks: readonly Mark[]): Extent {
  const size = marks.findLast(({ checkpoint }) => checkpoint === "stored")?.size ?? 0;
  return { size, end: size };
}

function rulesFor(
  { source, verifier, payloads, replayer, onEntry }: VerifyOptions,
  contents: LogContents | null,
  marks: readonly Mark[],
  findings: Findings,
): Rules {
  const calls = new CallBook();
  const holds = new HoldBook();
  const tiles = source.tiles === null ? null : new TileCheck(source.tiles, findings.log);
  return {
    tree: new TreeCheck(marks, findings.log, (level, index, hash) => tiles?.add(level, index, hash)),
    tiles,
    store: contents === null ? null : new StoreCheck(contents, findings.log),
    order: new LogRules({ origin: verifier.name, vkey: verifier.vkey }, findings.log),
    approvals: new ApprovalRules(calls, holds, findings.governance),
    calls: new CallRules(calls, holds, findings.governance),
    revisions: new RevisionRules(findings.governance),
    payloads: new PayloadRules(payloads ?? null, contents !== null, findings.log),
    replay: replayer === undefined ? null : new ReplayRules(replayer, findings.replay),
    onEntry: onEntry ?? (() => {}),
    report: findings.log,
  };
}

async function checkIdentity(
  source: EntrySource,
  { name, vkey }: NoteVerifier,
  contents: LogContents | null,
  { log: report }: Findings,
): Promise<void> {
  const identity = await source.identity();
  if (identity === null) {
    if (contents === null) return;
    if (contents.end > 0 || logSize(contents) > 0) report({ reason: "no_identity", expected: vkey });
    return;
  }
  if (identity.vkey !== vkey) report({ reason: "other_log", expected: vkey, found: identity.vkey });
  else if (identity.origin !== name) {
    report({ reason: "other_origin", expected: name, found: identity.origin });
  }
}

function reportOf(
  options: VerifyOptions & { readonly witnessed: WitnessedPart | null },
  { size: entries }: Extent,
  marks: readonly Mark[],
  rules: Rules,
  findings: Findings,
): VerifyReport {
  const { tree, tiles, order, approvals, calls, revisions, payloads, replay } = rules;
  const report = {
    ok: findings.count === 0,
    origin: options.verifier.name,
    log: {
      ok: findings.logCount === 0,
      entries,
      checkpoints: marks.length,
      pinned: options.pinned !== null,
      sealed: tree.sealed,
      unsealed: entries - Math.min(entries, tree.sealed),
      witnessed: options.witnessed,
      clockResets: order.clockResets,
      tiles: tiles?.checked ?? null,
      newest: tree.newest?.note ?? null,
      payloads: payloads.counts,
    },
    governance: {
      ok: findings.governanceCount === 0,
      ...calls.counts,
      writesApproved: approvals.writesApproved,
      approvals: approvals.counts,
      open: calls.openCount,
      openCalls: calls.openCalls(maxOpenCalls),
      revisions: revisions.count,
      decisions: revisions.decisions,
    },
    replay: replay === null ? null : { ok: findings.replayCount === 0, ...replay.counts },
    findings: findings.kept,
    moreFindings: findings.count - findings.kept.length,
  };
  return { ...report, notChecked: notChecked(report, approvals, options) };
}

function notChecked(
  { log, governance, replay }: Pick<VerifyReport, "log" | "governance" | "replay">,
  { uncheckedDeliveries, uncheckedUses }: Pick<ApprovalRules, "uncheckedDeliveries" | "uncheckedUses">,
  { keyFromLog = false, pinFromLog = false }: VerifyOptions,
): readonly NotChecked[] {
  const { payloads, unsealed } = log;
  const { decisions, approvals } = governance;
  const unwitnessed = log.witnessed === null ? 0 : Math.max(0, log.entries - log.witnessed.size);
  const isCopy = payloads.erasedOrMissing === null;
  const salts = isCopy ? 0 : payloads.committed - payloads.erasedOrMissing;
  const open: readonly (readonly [boolean, NotChecked])[] = [
    [!log.pinned, { reason: "no_pin" }],
    [log.pinned && pinFromLog, { reason: "pin_beside_log" }],
    [keyFromLog, { reason: "key_from_log" }],
    [isCopy && log.entries === 0, { reason: "nothing_signed" }],
    [isCopy, { reason: "copy" }],
    [unsealed > 0, { reason: "unsealed", entries: unsealed }],
    [payloads.matching === null && salts > 0, { reason: "salts", entries: salts }],
    [approvals.votes > 0, { reason: "voters", votes: approvals.votes }],
    [uncheckedDeliveries > 0, { reason: "deliveries", deliveries: uncheckedDeliveries }],
    [uncheckedUses > 0, { reason: "use_times", uses: uncheckedUses }],
    [replay === null && decisions > 0, { reason: "no_replay", decisions }],
    ...unreplayable(replay),
    [log.witnessed === null, { reason: "no_witness" }],
    [unwitnessed > 0, { reason: "unwitnessed", entries: unwitnessed }],
  ];
  return open.filter(([applies]) => applies).map(([, one]) => one);
}

function unreplayable(replay: VerifyReport["replay"]): readonly (readonly [boolean, NotChecked])[] {
  if (replay === null) return [];
  const { revision_missing, revision_unreadable, facts_unknown, sign_offs_unknown } = replay.notPossible;
  const counts = [
    ["revision_missing", revision_missing],
    ["revision_unreadable", revision_unreadable],
    ["facts_unknown", facts_unknown],
    ["sign_offs_unknown", sign_offs_unknown],
  ] as const;
  return counts.map(([why, decisions]) => [decisions > 0, { reason: "unreplayable", why, decisions }]);
}
