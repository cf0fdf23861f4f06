import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeLeaf } from "portcullis-verify/leaves/leaf.ts";
import type { Leaf, LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import { ApprovalRules } from "portcullis-verify/rules/approval-rules.ts";
import { CallBook } from "portcullis-verify/rules/call-book.ts";
import { CallRules } from "portcullis-verify/rules/call-rules.ts";
import { type Finding, Findings } from "portcullis-verify/rules/finding.ts";
import { HoldBook } from "portcullis-verify/rules/hold-book.ts";
import { RevisionRules } from "portcullis-verify/rules/revision-rules.ts";
import { History, type HistoryEntry } from "./approval-history.test-support.ts";
import { activated } from "./verify.test-support.ts";

const history = fc
  .array(fc.nat(59), { minLength: 20, maxLength: 120 })
  .map((choices) => new History(choices).entries);

/** Each history is changed in all its places. */
const numRuns = 25;

/** What the rules of governance say of a log that has these entries, in this order, and the seal of its gateway. */
function findingsOf(entries: readonly HistoryEntry[]): readonly Finding[] {
  const findings = new Findings();
  const [calls, holds] = [new CallBook(), new HoldBook()];
  const rules = [
    new RevisionRules(findings.governance),
    new ApprovalRules(calls, holds, findings.governance),
    new CallRules(calls, holds, findings.governance),
  ] as const;
  const [first] = entries;
  const all = first === undefined ? [] : [{ body: activated, time: first.time }, ...entries];
  for (const [index, entry] of all.entries()) {
    const leaf = leafOf(entry);
    for (const rule of rules) rule.observe(index, leaf);
  }
  rules[1].finish();
  return findings.kept;
}

/** Through the bytes, so that nothing is taken that no log could hold. */
function leafOf({ body, time }: HistoryEntry): Leaf {
  const id = `${time
    .toString(16)
    .padStart(12, "0")
    .replace(/^(.{8})/, "$1-")}-7000-8000-000000000000`;
  const bytes = encodeLeaf(body, { id, time: new Date(time).toISOString(), instance: "inst_1" });
  assert.ok(bytes.ok);
  const leaf = parseLeaf(bytes.value);
  assert.ok(leaf.ok, leaf.ok ? "" : leaf.failure);
  return leaf.value;
}

/** The approval that an entry is about, or null. */
function approvalOf(body: LeafBody): string | null {
  return "approval" in body ? (body.approval ?? null) : null;
}

/** Where the entries stand that what was handed on rests on: all of each approval that was released. */
function chains(entries: readonly HistoryEntry[]): readonly (readonly number[])[] {
  const handedOn = new Set(
    entries.flatMap(({ body }) => (body.type === "approval.released" ? [body.approval] : [])),
  );
  return [...handedOn].map((id) => entries.flatMap(({ body }, at) => (approvalOf(body) === id ? [at] : [])));
}

/** Votes on bytes that were edited later: nothing rests on them any more. */
function isVoid(entries: readonly HistoryEntry[], chain: readonly number[], at: number): boolean {
  const body = entries[at]?.body;
  return (
    body?.type === "approval.voted" &&
    chain.some((other) => {
      const one = entries[other]?.body;
      return one?.type === "approval.edited" && one.previous.revision >= body.revision;
    })
  );
}

/**
 * A later delivery to a call that got a part: without it, that part is a smaller one, as when policy does not permit all of it
 * any more.
 */
function isPartAgain(entries: readonly HistoryEntry[], at: number): boolean {
  const body = entries[at]?.body;
  if (body?.type !== "approval.released" || body.delivery === 1) return false;
  return entries.some(
    ({ body: end }) =>
      end.type === "call.completed" && end.call === body.released_to && end.outcome === "partial",
  );
}

function found(entries: readonly HistoryEntry[], why: string): void {
  assert.notDeepEqual(findingsOf(entries), [], why);
}

describe("histories of approvals", () => {
  it("verify clean when they are as the table of states allows", () => {
    let [handedOn, edited, later] = [0, 0, 0];
    fc.assert(
      fc.property(history, (entries) => {
        assert.deepEqual(findingsOf(entries), []);
        for (const { body } of entries) {
          if (body.type === "approval.released") handedOn += 1;
          if (body.type === "approval.released" && body.released_to !== body.call) later += 1;
          if (body.type === "approval.edited") edited += 1;
        }
      }),
      { numRuns: 200 },
    );
    assert.ok(handedOn > 50 && edited > 10 && later > 10, "they show what there is");
  });

  it("do not once an entry is missing that something handed on rests on, save of a part delivered again", () => {
    fc.assert(
      fc.property(history, (entries) => {
        for (const chain of chains(entries)) {
          for (const at of chain) {
            if (isVoid(entries, chain, at) || isPartAgain(entries, at)) continue;
            found(entries.toSpliced(at, 1), `without entry ${at}`);
          }
        }
      }),
      { numRuns },
    );
  });

  it("do not once such an entry stands twice", () => {
    fc.assert(
      fc.property(history, (entries) => {
        for (const chain of chains(entries)) {
          for (const at of chain) {
            const entry = entries[at];
            assert.ok(entry);
            found(entries.toSpliced(at, 0, entry), `entry ${at} twice`);
          }
        }
      }),
      { numRuns },
    );
  });

  it("do not once two such entries change places, save two votes that leave it pending", () => {
    fc.assert(
      fc.property(history, (entries) => {
        for (const chain of chains(entries)) {
          for (const [place, at] of chain.entries()) {
            const next = chain[place + 1];
            const [one, other] = [entries[at], next === undefined ? undefined : entries[next]];
            if (next === undefined || one === undefined || other === undefined) continue;
            if (isPending(one.body) && isPending(other.body)) continue;
            const swapped = entries.with(at, { ...other, time: one.time });
            found(swapped.with(next, { ...one, time: other.time }), `${at} and ${next}`);
          }
        }
      }),
      { numRuns },
    );
  });

  it("do not once such an entry says anything else that the release rests on", () => {
    let altered = 0;
    fc.assert(
      fc.property(history, (entries) => {
        for (const chain of chains(entries)) {
          for (const at of chain) {
            const entry = entries[at];
            assert.ok(entry);
            for (const [member, body] of alterations(entry.body)) {
              if (isVoid(entries, chain, at) && member !== "digest" && member !== "revision") continue;
              altered += 1;
              found(entries.with(at, { ...entry, body }), `${entry.body.type} ${at}: ${member}`);
            }
          }
        }
      }),
      { numRuns },
    );
    assert.ok(altered > 300);
  });
});

function isPending(body: LeafBody): boolean {
  return body.type === "approval.voted" && body.state === "pending";
}

const other = "e".repeat(64);

/**
 * The body once for each member that the release rests on, with that member changed. What is not among them is told by this
 * entry alone: reasons, policies, groups, who looked, what was said, and which of two operators it was.
 */
function* alterations(body: LeafBody): Generator<readonly [string, LeafBody]> {
  switch (body.type) {
    case "approval.requested": {
      const { required } = body;
      const [first, ...rest] = required;
      assert.ok(first);
      yield* eachOf(body, {
        ...{ approval: "apr_0", hold: "hold_0", call: "call_0", revision: 2, digest: other, bytes: other },
        ...{ application: "shop", user: "sub_0", tool: "other", target: "demo/crow", effect: "read" },
        ...{ tool_digest: "sha256:0", policy_revision: other, action: "act_0" },
        required: [{ ...first, name: "cto" }, ...rest],
      });
      yield* eachOf(body, { required: [{ ...first, quorum: first.quorum + 1 }, ...rest] });
      yield* eachOf(body, { required: [...required, { name: "cto", quorum: 1 }] });
      return;
    }
    case "approval.voted":
      yield* eachOf(body, {
        ...{ approval: "apr_0", revision: body.revision + 1, digest: other, policy_revision: other },
        ...{
          decision: "reject",
          sign_offs: ["cto"],
          state: body.state === "approved" ? "pending" : "approved",
        },
        actor: { kind: "application", id: "billing" },
      });
      return;
    case "approval.edited":
      yield* eachOf(body, {
        ...{ approval: "apr_0", revision: body.revision + 1, digest: other, bytes: other },
        ...{ policy_revision: other, required: [{ name: "cto", quorum: 1 }] },
        previous: { ...body.previous, digest: other },
      });
      return;
    case "approval.closed":
      yield* eachOf(body, { approval: "apr_0", revision: 9, digest: other, state: "revoked" });
      return;
    case "approval.released":
      yield* eachOf(body, {
        ...{ approval: "apr_0", hold: "hold_0", call: "call_0", revision: 9, digest: other },
        ...{ released_to: "call_0", action: "act_0", delivery: body.delivery + 1, policy_revision: other },
        given: body.given.map((one) => ({ ...one, votes: one.votes + 1 })),
      });
      return;
    case "action.decided":
      yield* eachOf(body, {
        ...{ approval: "apr_0", call: "call_0", action: "act_0", application: "shop", user: "sub_0" },
        ...{ tool: "other", tool_digest: "sha256:0", decision: "deny", revision: other },
      });
      return;
    case "call.decided":
      yield* eachOf(body, {
        ...{ approval: "apr_0", call: "call_0", application: "shop", user: "sub_0", target: "demo/crow" },
        ...{ decision: "deny", revision: other },
      });
      return;
    default:
      return;
  }
}

function* eachOf<Body extends LeafBody>(
  body: Body,
  changes: Partial<Body>,
): Generator<readonly [string, LeafBody]> {
  for (const [member, value] of Object.entries(changes)) {
    const changed: LeafBody = { ...body, [member]: value };
    yield [member, changed];
  }
}
