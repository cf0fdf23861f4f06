// What policy holds is put down, with all that is needed to go on after a restart, before anybody waits for it.

import type { EncodedEntry } from "../core/entry.ts";
import { newId } from "../core/id.ts";
import type { DeterminingPolicy } from "../core/refusal.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { SecretValue } from "../core/secret-value.ts";
import type { Approval, Hold, SignOffNeeded } from "./approval.ts";
import { approvalDigest, fingerprint } from "./digest.ts";
import type { Holds } from "./holds.ts";
import type { ApprovalEntries, ApprovalRules, SignOffTerms } from "./ports.ts";

/** One thing that policy holds. */
export interface HeldItem {
  readonly kind: "call" | "action";
  readonly action: string | null;
  readonly choice: number;
  readonly position: number;
  readonly tool: string | null;
  readonly target: string | null;
  readonly effect: "read" | "write" | null;
  readonly toolDigest: string | null;
  readonly labels: readonly string[];
  /** The very bytes, as text. */
  readonly bytes: string;
  /** What policy was asked; comes back when it is asked again. */
  readonly question: string;
  /** Those that policy asks for. */
  readonly signOffs: readonly string[];
  readonly policies: readonly DeterminingPolicy[];
  readonly policyRevision: string;
}

/** Who asks, and for what. */
export interface Filing {
  readonly call: string;
  readonly application: string;
  readonly groups: readonly string[];
  /** Pseudonym, or null. */
  readonly user: string | null;
  readonly subject: string;
  /** Names of those who ask: they do not decide. */
  readonly requesters: readonly string[];
  /** Pseudonym of who made the key. */
  readonly keyCreator: string | null;
  readonly endpoint: "chat" | "embeddings";
  readonly conversation: string;
  readonly attachKey: string;
  readonly request: string;
  /** Of the request whose answer this is, where that had to wait too; else null. */
  readonly under: string | null;
  /** What goes out when all is approved, in the gateway's own form. */
  readonly answer: Uint8Array;
  readonly items: readonly HeldItem[];
  /** Encodes the entries that belong before those that ask: the decisions. */
  readonly before: () => readonly EncodedEntry[];
}

export type FilingFailure =
  /** An application or a user has as much waiting as may wait. */
  | { readonly reason: "full" }
  /** The same was rejected before in this conversation. */
  | { readonly reason: "rejected_before"; readonly item: HeldItem }
  /** A policy asks for a sign-off that the config does not declare. */
  | { readonly reason: "undeclared"; readonly signOff: string };

export interface FilingParts {
  readonly holds: Holds;
  readonly entries: ApprovalEntries;
  readonly rules: ApprovalRules;
  readonly fingerprintKey: SecretValue;
  /** This process. */
  readonly instance: string;
}

export async function fileHold(parts: FilingParts, filing: Filing): Promise<Result<Hold, FilingFailure>> {
  const rejected = await rejectedBefore(parts, filing);
  if (rejected !== null) return fail({ reason: "rejected_before", item: rejected });
  const now = await parts.holds.store.now();
  const started: Hold = {
    id: newId("hold", now),
    version: 1,
    call: filing.call,
    application: filing.application,
    attachKey: filing.attachKey,
    createdAt: now,
    v: 1,
    subject: filing.subject,
    conversation: filing.conversation,
    request: filing.request,
    user: filing.user,
    endpoint: filing.endpoint,
    usable_until: null,
    deliveries: 0,
    attended: parts.instance,
    delivered: false,
    ...(filing.under === null ? {} : { under: filing.under }),
    approvals: [],
    sealed: new Uint8Array(),
  };
  const drafts: Draft[] = [];
  for (const item of filing.items) {
    const terms = termsOf(parts.rules, item.signOffs);
    if (!terms.ok) return fail({ reason: "undeclared", signOff: terms.failure });
    drafts.push(await draft(parts, filing, started, item, terms.value));
  }
  const sealed = await parts.holds.sealAnswer(started, filing.answer);
  // Encoded in one go, so that they are on record in the order of their times.
  const before = filing.before();
  const asked = drafts.map((one) => ask(parts.entries, filing, one));
  const hold: Hold = { ...started, sealed, approvals: asked.map(({ approval }) => approval) };
  const entries = [...before, ...asked.map(({ entry }) => entry)];
  const filed = await parts.holds.file(hold, parts.rules.caps, entries);
  return filed === "filed" ? ok(hold) : fail({ reason: "full" });
}

async function rejectedBefore(
  { holds, fingerprintKey }: FilingParts,
  { application, user, conversation, items }: Filing,
): Promise<HeldItem | null> {
  for (const item of items) {
    const known = fingerprint(fingerprintKey, { application, user, ...item }, item.bytes);
    if ((await holds.store.statesOf(conversation, known)).includes("rejected")) return item;
  }
  return null;
}

/** Of several sign-offs the shortest times, and every quorum. */
export interface Terms extends Omit<SignOffTerms, "quorum"> {
  readonly required: readonly SignOffNeeded[];
}

export function termsOf(
  rules: Pick<ApprovalRules, "terms">,
  names: readonly string[],
): Result<Terms, string> {
  const required: SignOffNeeded[] = [];
  let [decideWithinMs, useWithinMs] = [Infinity, Infinity];
  for (const name of names) {
    const terms = rules.terms(name);
    if (terms === null) return fail(name);
    required.push({ name, quorum: terms.quorum });
    decideWithinMs = Math.min(decideWithinMs, terms.decideWithinMs);
    useWithinMs = Math.min(useWithinMs, terms.useWithinMs);
  }
  return ok({ required, decideWithinMs, useWithinMs });
}

/** All but the digest, which rests on the entry that asks. */
interface Draft {
  readonly approval: Omit<Approval, "digest">;
  readonly bytes: string;
}

async function draft(
  parts: FilingParts,
  filing: Filing,
  hold: Hold,
  item: HeldItem,
  terms: Terms,
): Promise<Draft> {
  const { bytes, question, kind, action, choice, position, tool, target, effect } = item;
  const { application, user, call, conversation, requesters } = filing;
  const unsealed = {
    ...{ kind, action, choice, position, tool, target, effect, application, user, call, conversation },
    id: newId("apr", hold.createdAt),
    revision: 1,
    hold: hold.id,
    v: 1 as const,
    state: "pending" as const,
    groups: [...filing.groups],
    labels: [...item.labels],
    fingerprint: fingerprint(parts.fingerprintKey, { application, user, ...item }, bytes),
    createdAt: hold.createdAt,
    tool_digest: item.toolDigest,
    required: [...terms.required],
    policies: item.policies.map(({ id, reason }) => ({ id, reason })),
    policy_revision: item.policyRevision,
    expires_at: hold.createdAt + terms.decideWithinMs,
    use_within_ms: terms.useWithinMs,
    decided_at: null,
    votes: [],
    editors: [],
    key_creator: filing.keyCreator,
  };
  const content = { bytes, question, requesters: [...requesters], reasons: {} };
  return { approval: { ...unsealed, sealed: await parts.holds.seal(hold, unsealed, content) }, bytes };
}

function ask(
  entries: Pick<ApprovalEntries, "requested">,
  { subject }: Filing,
  { approval, bytes }: Draft,
): { readonly approval: Approval; readonly entry: EncodedEntry } {
  const digestFor = (committed: string): string => digestOf(approval, committed);
  const { entry, digest } = entries.requested({ ...approval, subject }, bytes, digestFor);
  return { approval: { ...approval, digest }, entry };
}

/** `committed`: the commitment to the bytes in the entry that asks for them. */
export function digestOf(
  approval: Pick<
    Approval,
    | "application"
    | "user"
    | "call"
    | "id"
    | "revision"
    | "kind"
    | "tool"
    | "target"
    | "effect"
    | "tool_digest"
  >,
  committed: string,
): string {
  const { application, user, call, id, revision, kind, tool, target, effect } = approval;
  return approvalDigest({
    ...{ application, user, call, approval: id, revision, kind, tool, target, effect },
    source: "client",
    toolDigest: approval.tool_digest,
    bytes: committed,
  });
}
