// kill -9 with something waiting in every state that it can be in: the retry of each request gets what became of it, and the
// model is not asked again.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { ApprovalSummary } from "../../src/http/admin/approvals.ts";
import { asOperator } from "./admin-bench.ts";
import {
  askMail,
  decide,
  invite,
  mail,
  mailBody,
  mailConfig,
  mailFolder,
  mailModel,
  pending,
  proposal,
} from "./mail-gate.ts";
import { startGateway, type TestGateway } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

/** Two applications ask for more than the others. */
const policies = `
@id("tools") permit (principal, action in Portcullis::Action::"call_tool", resource);
@id("votes") permit (principal, action == Portcullis::Action::"approve", resource);
@id("calls") permit (principal, action == Portcullis::Action::"chat", resource);
@id("hasty") @reason("at once or never") @approval("quick")
forbid (principal == Portcullis::Application::"hasty", action in Portcullis::Action::"call_tool", resource)
unless { context.approvals.contains("quick") };
@id("careful") @reason("two of them") @approval("both")
forbid (principal == Portcullis::Application::"careful", action in Portcullis::Action::"call_tool", resource)
unless { context.approvals.contains("both") };
`;
const signOffs = `sign_offs:
  quick: { approvers: ["group:operators"], decide_within: 1s }
  both: { approvers: ["group:operators"], quorum: 2 }
`;
const edited = '{"to":"cleo@example.com"}';

/** How each stands when the gateway is killed, and who has asked for it. */
const states = {
  pending: "assistant",
  "half signed": "careful",
  approved: "assistant",
  rejected: "assistant",
  edited: "assistant",
  "edited and approved": "assistant",
  revoked: "assistant",
  expired: "hasty",
} as const;
type State = keyof typeof states;
const all = Object.keys(states) as State[];

test("killed with something in every state, it goes on with each from where it stood", async (t) => {
  const upstream = await mailModel(t);
  const config = mailConfig(upstream).replace("sign_offs:\n", signOffs);
  const folder = mailFolder(t, `${config}  - { name: hasty }\n  - { name: careful }\n`);
  mkdirSync(join(folder, "policies"));
  writeFileSync(join(folder, "policies", "test.cedar"), policies);
  let gateway = await startGateway(folder);
  t.after(() => gateway.kill());
  const [ana, ben] = [await invite(gateway, "ana"), await invite(gateway, "ben")];
  const keys = new Map([["assistant", gateway.key ?? ""]]);
  for (const name of ["hasty", "careful"]) keys.set(name, makeKey(gateway, name));
  const ask = (state: State, signal?: AbortSignal): Promise<Response> =>
    askMail(gateway, keys.get(states[state]) ?? "", mailBody(state), signal);

  const leaving = new AbortController();
  const gone: Promise<unknown>[] = [];
  const waiting = new Map<State, ApprovalSummary>();
  for (const state of all) {
    gone.push(ask(state, leaving.signal).catch(() => null));
    waiting.set(state, await newest(gateway, ben, waiting.values()));
  }
  // What is decided while nobody waits stays where it is.
  leaving.abort();
  await Promise.all(gone);
  await until(async () => leavesOf(await readTrail(gateway), "call.completed").length === all.length);
  const of = (state: State): ApprovalSummary => waiting.get(state) ?? assert.fail(state);
  await decide(gateway, ana, of("half signed"));
  await decide(gateway, ben, of("approved"));
  await decide(gateway, ben, of("rejected"), "reject", "not to her");
  await edit(gateway, ana, of("edited"));
  await decide(gateway, ben, await edit(gateway, ana, of("edited and approved")));
  await revoke(gateway, ben, of("revoked"));
  await until(async () => (await stateOf(gateway, ben, of("expired"))) === "expired");

  await gateway.kill();
  gateway = await startGateway(folder);
  const verified = gateway.cli("audit", "verify");
  assert.equal(verified.status, 0, verified.stdout + verified.stderr);
  const answers = new Map(all.map((state) => [state, ask(state).then((answer) => answer.text())]));
  const toBen = await pending(gateway, ben, 3);
  for (const approval of toBen) await decide(gateway, ben, approval);
  assert.deepEqual(
    toBen.map(({ id }) => id),
    [of("pending"), of("half signed"), of("edited")].map(({ id }) => id),
  );
  const toCleo = proposal.whole.replace(JSON.stringify(mail), JSON.stringify(edited));
  for (const [state, whole] of [
    ["pending", proposal.whole],
    ["half signed", proposal.whole],
    ["approved", proposal.whole],
  ] as const) {
    assert.equal(await answers.get(state), whole, state);
  }
  for (const state of ["edited", "edited and approved"] as const) {
    const text = (await answers.get(state)) ?? "";
    assert.deepEqual(callsOf(text), callsOf(toCleo), state);
  }
  for (const [state, words] of [
    ["rejected", /was rejected by ben@example\.com: not to her\./],
    ["revoked", /was revoked by ben@example\.com: not today\./],
    ["expired", /was not decided in time, so its approval has expired\./],
  ] as const) {
    const text = (await answers.get(state)) ?? "";
    assert.match(text, words, state);
    assert.equal(callsOf(text), undefined, state);
  }
  assert.equal(upstream.bodies.length, all.length, "the model was asked once for each");
  await gateway.stop();
});

function makeKey(gateway: TestGateway, application: string): string {
  const { status, stdout, stderr } = gateway.cli("keys", "create", "--application", application);
  assert.equal(status, 0, stderr);
  return /pcl_[\w-]+/.exec(stdout)?.[0] ?? "";
}

/** Waits for one that is none of these. */
async function newest(
  gateway: TestGateway,
  token: string,
  known: Iterable<ApprovalSummary>,
): Promise<ApprovalSummary> {
  const ids = new Set(Array.from(known, ({ id }) => id));
  for (;;) {
    const fresh = (await pending(gateway, token)).find(({ id }) => !ids.has(id));
    if (fresh !== undefined) return fresh;
  }
}

async function edit(
  gateway: TestGateway,
  token: string,
  { id, digest }: ApprovalSummary,
): Promise<ApprovalSummary> {
  const change = { digest, arguments: edited };
  const { status, text, json } = await asOperator(gateway.url, token)(
    "POST",
    `/approvals/${id}/edit`,
    change,
  );
  assert.equal(status, 200, text);
  return json;
}

async function revoke(gateway: TestGateway, token: string, { id }: ApprovalSummary): Promise<void> {
  const { status, text } = await asOperator(gateway.url, token)("POST", `/approvals/${id}/revoke`, {
    reason: "not today",
  });
  assert.equal(status, 200, text);
}

async function stateOf(gateway: TestGateway, token: string, { id }: ApprovalSummary): Promise<string> {
  return (await asOperator(gateway.url, token)("GET", `/approvals?id=${id.slice(0, -1)}`)).json.approvals[0]
    .state;
}

function callsOf(answer: string): unknown {
  return JSON.parse(answer).choices[0].message.tool_calls;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(20);
}
