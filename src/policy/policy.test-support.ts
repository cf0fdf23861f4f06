// Worlds, requests and loaded policies for the tests of this folder.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { CedarEngines } from "./cedar-engine.ts";
import { type Decider, decider } from "./decider.ts";
import type {
  ActionContext,
  ApprovalContext,
  AwaitedResource,
  CallContext,
  DecisionRequest,
  ModelRequest,
} from "./decision.ts";
import { DecisionCache } from "./decision-cache.ts";
import { type LoadedPolicies, loadPolicyFiles } from "./load.ts";
import { formatProblem, type PolicyProblem } from "./problem.ts";
import { slicePolicies } from "./slice.ts";
import type { PolicyWorld } from "./world.ts";

export const testWorld: PolicyWorld = {
  applications: [
    { name: "assistant", groups: ["staff"], environment: "production", owner: "ana" },
    { name: "batch", groups: [], environment: "", owner: "" },
  ],
  groups: ["staff", "contractors"],
  tools: ["send_email", "get_weather", "pay_invoice"],
  providers: ["demo", "openai"],
  signOffs: ["finance", "default", "legal"],
};

/** Monday, 2026-11-23, 09:30 UTC. */
export const monday = Date.parse("2026-11-23T09:30:00.000Z");

export const callFacts: CallContext = {
  requested_model: "fast",
  message_count: 2,
  input_tokens: 100,
  stream: false,
  tools: [],
  has_images: false,
  has_audio: false,
  has_files: false,
  labels: [],
  source_address: "10.1.2.3",
  time: monday,
};

export const actionFacts: ActionContext = {
  source: "client",
  application: "assistant",
  effect: "write",
  unattended: false,
  labels: [],
  source_address: "10.1.2.3",
  time: monday,
};

export function chat(facts: Partial<CallContext> = {}, model = "demo/assistant"): ModelRequest {
  return { action: "chat", principal: { id: "assistant" }, model, context: { ...callFacts, ...facts } };
}

export function feature(name: string, facts: Partial<CallContext> = {}): ModelRequest {
  const context = { ...callFacts, ...facts, feature: name };
  return { action: "use_feature", principal: { id: "assistant" }, model: "demo/assistant", context };
}

export function toolCall(tool: string, facts: Partial<ActionContext> = {}): DecisionRequest {
  return {
    action: "call_tool",
    principal: { id: "assistant" },
    tool,
    catalogued: testWorld.tools.includes(tool),
    context: { ...actionFacts, ...facts },
  };
}

/** Ana's vote on a tool call that batch has asked for in the name of ben. */
export const approvalFacts: ApprovalContext = {
  sign_off: "finance",
  requesters: ["ben@example.com"],
  editors: [],
  bootstrap: false,
  application: "batch",
  source: "client",
  effect: "write",
  labels: [],
  source_address: "10.1.2.3",
  time: monday,
};

export function vote(
  facts: Partial<ApprovalContext> = {},
  user = "ana@example.com",
  groups: readonly string[] = ["staff"],
  resource: AwaitedResource = { tool: "pay_invoice" },
): Extract<DecisionRequest, { action: "approve" }> {
  const context = { ...approvalFacts, ...facts };
  return { action: "approve", principal: { user, groups }, resource, context };
}

export const permitCalls = `@id("calls") permit (
  principal, action in [Portcullis::Action::"chat", Portcullis::Action::"embed"], resource
);\n`;
export const permitTools = `@id("tools") permit (principal, action in Portcullis::Action::"call_tool", resource);\n`;

export function loaded(text: string, world: PolicyWorld = testWorld): LoadedPolicies {
  const result = loadPolicyFiles([{ name: "test.cedar", text }], world);
  assert.ok(result.ok, result.ok ? "" : result.failure.map(formatProblem).join("\n"));
  return result.value;
}

export function problemsOf(text: string, world: PolicyWorld = testWorld): readonly PolicyProblem[] {
  const result = loadPolicyFiles([{ name: "test.cedar", text }], world);
  return result.ok ? [] : result.failure;
}

/** Decides by these policies and the floor, on an engine of its own. */
export function deciderFor(text: string, cache?: DecisionCache): Decider {
  return deciderOf(loaded(text), cache);
}

export function deciderOf(policies: LoadedPolicies, cache = new DecisionCache(100)): Decider {
  const slices = slicePolicies(policies.policies, policies.world);
  return decider(policies, slices, new CedarEngines().prepare(policies, slices), cache);
}

/** A folder with these files, gone when the test ends. */
export function policyFolder(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-policy-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}
