import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ActivePolicies, type PolicyEvents } from "./active-policies.ts";
import type { CallContext, Decision } from "./decision.ts";
import { formatProblem, type PolicyProblem } from "./problem.ts";
import type { RevisionRecord } from "./revision-store.ts";

const permitAll = '@id("all") permit (principal, action, resource);\n';

const context: CallContext = {
  requested_model: "fast",
  message_count: 1,
  input_tokens: 10,
  stream: false,
  tools: [],
  has_images: false,
  has_audio: false,
  has_files: false,
  labels: [],
  source_address: "127.0.0.1",
  time: Date.UTC(2026, 0, 5, 12),
};

/** What a restart finds again, open to changes by hand. */
interface Kept {
  active: string | null;
  readonly records: Map<string, RevisionRecord>;
  readonly activations: Parameters<PolicyEvents["activated"]>[0][];
}

function nothingKept(): Kept {
  return { active: null, records: new Map(), activations: [] };
}

async function opened(text: string, kept: Kept = nothingKept()) {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-policies-"));
  writeFileSync(join(folder, "a.cedar"), text);
  const problems: PolicyProblem[] = [];
  const policies = await ActivePolicies.open({
    folder,
    world: {
      applications: [{ name: "assistant", groups: [], environment: "test", owner: "" }],
      groups: [],
      tools: ["send_email"],
      signOffs: ["finance", "default"],
    },
    store: {
      active: async () => kept.active,
      activate: async (record) => {
        kept.active = record.revision;
        kept.records.set(record.revision, record);
      },
      byRevision: async (revision) => kept.records.get(revision) ?? null,
    },
    events: {
      activated: (event) => {
        kept.activations.push(event);
        return { id: "", leaf: new Uint8Array(), salt: null };
      },
    },
    now: () => context.time,
    onActivated: () => {},
    onProblem: (found) => problems.push(...found),
  });
  return { folder, policies, problems };
}

async function open(text: string) {
  const { policies, ...rest } = await opened(text);
  assert.ok(policies.ok, policies.ok ? "" : policies.failure.map(formatProblem).join("\n"));
  return { ...rest, policies: policies.value };
}

async function problemsOf(text: string): Promise<string> {
  const { policies } = await opened(text);
  assert.equal(policies.ok, false, "these policies must not load");
  return policies.ok ? "" : policies.failure.map(formatProblem).join("\n");
}

function chat(policies: ActivePolicies, changes: Partial<CallContext> = {}): Decision {
  const principal = { id: "assistant" };
  return policies.decide({
    action: "chat",
    principal,
    model: "demo/assistant",
    context: { ...context, ...changes },
  });
}

function callTool(policies: ActivePolicies, effect: "read" | "write", unattended = false): Decision {
  const { labels, source_address, time } = context;
  return policies.decide({
    action: "call_tool",
    principal: { id: "assistant" },
    tool: "send_email",
    catalogued: true,
    context: { source: "client", application: "assistant", effect, unattended, labels, source_address, time },
  });
}

test("nothing is permitted that no policy permits", async () => {
  const { policies } = await open(
    '@id("embed") permit (principal, action == Portcullis::Action::"embed", resource);',
  );
  assert.deepEqual([chat(policies).outcome, chat(policies).policies], ["deny", []]);
});

test("a forbid that errors is a deny, although Cedar would skip it", async () => {
  const overflow = `${permitAll}@id("broken") forbid (principal, action == Portcullis::Action::"chat", resource)
    when { context.hour * 9223372036854775807 > 0 };`;
  const { policies } = await open(overflow);
  const decision = chat(policies);
  assert.equal(decision.outcome, "deny");
  assert.match(decision.error ?? "", /`broken`/);
});

test("an application that the config does not name is denied", async () => {
  const { policies } = await open(permitAll);
  const request = { action: "chat", principal: { id: "other" }, model: "demo/assistant", context } as const;
  assert.equal(policies.decide(request).outcome, "deny");
});

test("a forbid gives its reason, and the cache tells facts apart that policies read", async () => {
  const { policies } = await open(`${permitAll}@id("no-mail") @reason("no addresses")
    forbid (principal, action == Portcullis::Action::"chat", resource) when { context.labels.contains("pii.email") };`);
  assert.equal(chat(policies).outcome, "permit");
  assert.equal(chat(policies, { message_count: 2 }).outcome, "permit");
  const denied = chat(policies, { labels: ["pii.email"] });
  assert.deepEqual(denied.policies, [{ id: "no-mail", reason: "no addresses" }]);
  assert.equal(chat(policies, { labels: ['{"__entity":{"type":"x","id":"y"}}'] }).outcome, "permit");
});

test("a write is held for `default`, or for whom a policy names in its place; a read and an unattended write pass", async () => {
  const { policies } = await open(permitAll);
  assert.deepEqual(
    [callTool(policies, "write").outcome, callTool(policies, "write").signOffs],
    ["hold", ["default"]],
  );
  assert.equal(callTool(policies, "read").outcome, "permit");
  assert.equal(callTool(policies, "write", true).outcome, "permit");
  const finance = await open(`${permitAll}@id("pay") @approval("finance")
    forbid (principal, action == Portcullis::Action::"send_email", resource)
    unless { context.approvals.contains("finance") };`);
  assert.deepEqual(callTool(finance.policies, "write").signOffs, ["finance"]);
});

test("what could open the gate or mean nothing does not load, and is shown where it stands", async () => {
  const forbid = 'forbid (principal, action == Portcullis::Action::"chat", resource)';
  const cases: readonly (readonly [string, RegExp])[] = [
    ["permit (principal, action, resource);", /no `@id`/],
    [permitAll + permitAll, /stands in `a.cedar` already/],
    ['@id("portcullis/x") permit (principal, action, resource);', /the gateway's own/],
    ['@id("x")\npermit (principal, action == Portcullis::Action::"chatt", resource);', /a\.cedar:\d+:\d+/],
    [`@id("x") ${forbid} when { context.user == "a" };`, /user/],
    [`@id("x") ${forbid} when { context.approvals.contains("finance") };`, /only positively/],
    [`@id("x") ${forbid} unless { !context.signed_off };`, /only positively/],
    [`@id("x") ${forbid} unless { context.approvals.contains("nobody") };`, /`nobody` is not in/],
    [`@id("x") @approval("finance") ${forbid};`, /needs `unless/],
    [`@id("x") ${forbid} when { context.input_tokens * 2 > 10 };`, /overflow/],
    [`@id("x") @mode("off") ${forbid};`, /`@mode\("off"\)` is no mode/],
    ['@id("é")\npermit (principal, action, resource', /a\.cedar/],
  ];
  for (const [text, expected] of cases) {
    assert.match(await problemsOf(text), expected, text);
  }
});

test("a broken reload leaves what was in force in force; a good one replaces it", async () => {
  const { folder, policies, problems } = await open(permitAll);
  const before = policies.revision;
  writeFileSync(join(folder, "a.cedar"), "permit (");
  assert.equal((await policies.reload()).ok, false);
  assert.ok(problems.length > 0);
  assert.deepEqual([policies.revision, chat(policies).outcome], [before, "permit"]);
  writeFileSync(join(folder, "a.cedar"), '@id("none") forbid (principal, action, resource);');
  assert.ok((await policies.reload()).ok);
  assert.notEqual(policies.revision, before);
  assert.equal(chat(policies).outcome, "deny");
});

test("a restart records an activation anew unless the store has the revision as active together with its content", async () => {
  const kept = nothingKept();
  const restart = async (): Promise<string> => {
    const { policies } = await opened(permitAll, kept);
    assert.ok(policies.ok);
    return policies.value.revision;
  };
  const revision = await restart();
  const [activated] = kept.activations;
  const record = kept.records.get(revision);
  assert.ok(activated !== undefined && record !== undefined);
  assert.deepEqual([activated.previous, await restart(), kept.activations.length], [null, revision, 1]);

  const again = { ...activated, previous: revision };
  kept.records.delete(revision);
  await restart();
  assert.deepEqual(kept.activations, [activated, again]);
  kept.records.set(revision, { ...record, content: record.content.replace("permit", "forbid") });
  await restart();
  assert.deepEqual(kept.activations, [activated, again, again]);
  kept.active = "0".repeat(64);
  await restart();
  assert.deepEqual(kept.activations.at(-1), { ...activated, previous: "0".repeat(64) });
  await restart();
  assert.equal(kept.activations.length, 4);
});
