// The policies of test gateways, and the time by which they decide.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CatalogEntry, ToolCatalog } from "../facts/tool-catalog.ts";
import { ActivePolicies } from "../policy/active-policies.ts";
import { formatProblem } from "../policy/problem.ts";

/** Monday, 2026-11-23, 09:30 UTC: the time stands still. */
export const monday = Date.parse("2026-11-23T09:30:00.000Z");

export const openPolicies = `
@id("calls") @reason("models may be called")
permit (principal, action in [Portcullis::Action::"chat", Portcullis::Action::"embed"], resource);
@id("tools") @reason("tools may be proposed")
permit (principal, action in Portcullis::Action::"call_tool", resource);
`;

/** Who may vote is the config's word alone. */
const votes = `
@id("votes") @reason("approvers approve")
permit (principal, action == Portcullis::Action::"approve", resource);
`;

export interface PolicyOptions {
  readonly policies?: string;
  readonly catalog?: Readonly<Record<string, CatalogEntry>>;
}

export function writePolicies(folder: string, text: string): void {
  writeFileSync(join(folder, "policies", "test.cedar"), `${text}${votes}`);
}

export async function openTestPolicies(
  folder: string,
  options: PolicyOptions,
  store: Parameters<typeof ActivePolicies.open>[0]["store"],
  events: Parameters<typeof ActivePolicies.open>[0]["events"],
): Promise<ActivePolicies> {
  const policiesFolder = join(folder, "policies");
  mkdirSync(policiesFolder);
  writePolicies(folder, options.policies ?? openPolicies);
  const opened = await ActivePolicies.open({
    folder: policiesFolder,
    world: {
      applications: [{ name: "assistant", groups: ["staff"], environment: "test", owner: "ana" }],
      groups: ["staff", "operators"],
      tools: Object.keys(options.catalog ?? {}),
      arguments: new ToolCatalog(options.catalog ?? {}).argumentTypes,
      signOffs: ["finance", "default"],
    },
    store,
    events,
    now: () => monday,
    onActivated: () => {},
    onProblem: () => {},
  });
  assert.ok(opened.ok, opened.ok ? "" : opened.failure.map(formatProblem).join("\n"));
  return opened.value;
}
