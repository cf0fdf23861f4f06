// Policy tests on the gateway's own path: its catalog, its description of arguments, its steps that decide.

import type { Config } from "../config/schema.ts";
import { describeAction, type ProposedAction } from "../facts/proposed-actions.ts";
import { ToolCatalog, type ToolClassification } from "../facts/tool-catalog.ts";
import { type DecidableCall, decide } from "../gateway/steps/decide.ts";
import { actionRequest } from "../gateway/steps/decide-actions.ts";
import { countersFrom } from "../policy/counter-facts.ts";
import type { DecisionPoint } from "../policy/decision.ts";
import type { TestBench } from "../policy/testing/test-bench.ts";
import { testedFacts } from "../policy/testing/test-facts.ts";
import type { PolicyTest } from "../policy/testing/test-schema.ts";
import type { TestedDecision } from "../policy/testing/verdict-text.ts";

type Catalog = Config["tools"];

/** For a test in whose names nothing was found wrong (policy/testing/test-names.ts). */
export function runPolicyTest(
  bench: TestBench,
  { tools, groups }: Pick<Config, "tools" | "groups">,
  test: PolicyTest,
): TestedDecision {
  if (test.voter !== undefined) return decideVote(bench, { tools, groups }, test, test.voter);
  const policy = bench.decisionPoint(test.application, test.groups);
  const call = {
    endpoint: test.action === "embed" ? "embeddings" : "chat",
    application: { name: test.application },
    facts: testedFacts(test.facts, test.model ?? "", test.user),
    request: { features: test.features ?? [] },
  } as const;
  if (test.tool !== undefined) return decideTool(policy, call, tools, test, test.tool);
  const model = test.model ?? "";
  const slash = model.indexOf("/");
  const target = { provider: model.slice(0, slash), model: model.slice(slash + 1) };
  const namesUser = test.user !== undefined;
  return decide({ policy }, call, target, countersFrom(policy.counters, test.counters ?? {}, namesUser, 0));
}

function decideVote(
  bench: TestBench,
  { tools, groups }: Pick<Config, "tools" | "groups">,
  test: PolicyTest,
  user: string,
): TestedDecision {
  const { tool, model = "" } = test;
  const facts = testedFacts(test.facts, "", undefined);
  const joined = Object.keys(groups).filter((name) => groups[name]?.includes(user));
  return bench.decisionPoint(test.application, undefined).decide({
    action: "approve",
    principal: { user, groups: test.groups ?? joined },
    resource: tool === undefined ? { model } : { tool },
    context: {
      sign_off: test.sign_off ?? "default",
      requesters: test.requesters ?? [],
      editors: test.editors ?? [],
      bootstrap: test.bootstrap ?? false,
      application: test.application,
      ...(tool === undefined
        ? {}
        : { source: "client", effect: classified(tools, tool, test.drifted).effect }),
      labels: facts.labels,
      source_address: facts.source_address,
      time: facts.time,
    },
  });
}

const denied = { outcome: "deny", policies: [], signOffs: [], error: null, shadow: null } as const;

/** Of no definition that a catalog pins. */
const driftedDigest = `sha256:${"0".repeat(64)}`;

function decideTool(
  policy: DecisionPoint,
  call: DecidableCall,
  tools: Catalog,
  { arguments: given = {}, drifted }: PolicyTest,
  tool: string,
): TestedDecision {
  const action: ProposedAction = {
    choice: 0,
    position: 0,
    id: null,
    kind: "function",
    tool,
    argumentBytes: typeof given === "string" ? given : JSON.stringify(given),
    malformed: null,
  };
  const described = describeAction(action, new ToolCatalog(tools).argumentTypes.get(tool) ?? null);
  // As for a call whose arguments cannot be described, policy is not asked.
  if (!described.ok) return { ...denied, undescribed: described.failure.detail };
  const classification = classified(tools, tool, drifted);
  return policy.decide(actionRequest(call, tool, classification, described.value));
}

function classified(tools: Catalog, tool: string, drifted: boolean | undefined): ToolClassification {
  const entry = Object.hasOwn(tools, tool) ? tools[tool] : undefined;
  const digest = drifted === true ? driftedDigest : (entry?.digest ?? driftedDigest);
  const parameters = drifted === true ? undefined : entry?.parameters;
  return new ToolCatalog(tools).classify(tool, {
    kind: "function",
    digest: () => digest,
    parameters: () => parameters,
  });
}
