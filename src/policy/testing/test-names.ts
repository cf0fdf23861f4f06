// Names in a test that the config and the policies do not have: such a test would pass or fail for another reason than
// the one it says.

import { approvalFacts } from "../context-facts.ts";
import type { LoadedPolicies } from "../load.ts";
import type { PolicyTest } from "./test-schema.ts";

export interface TestFinding {
  /** Within the file, from `tests` on. */
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

interface Known extends Pick<LoadedPolicies, "world" | "policies"> {
  /** Tools of whose definition the catalog states anything. */
  readonly pinned: ReadonlySet<string>;
}

export function testFindings(tests: readonly PolicyTest[], known: Known): readonly TestFinding[] {
  const names = new Set<string>();
  return tests.flatMap((test, index) => {
    const twice = names.has(test.name);
    names.add(test.name);
    const found = [
      ...(twice ? [{ path: ["name"], message: "another test of this file has this name" }] : []),
      ...subjectFindings(test),
      ...voteFindings(test, known),
      ...principalFindings(test, known),
      ...resourceFindings(test, known),
      ...expectationFindings(test, known),
    ];
    return found.map(({ path, message }) => ({ path: ["tests", index, ...path], message }));
  });
}

/** A test is about a model or about a tool. */
function subjectFindings(test: PolicyTest): readonly TestFinding[] {
  if (test.model === undefined && test.tool === undefined) {
    return [{ path: [], message: "say what is asked for: `model` or `tool`" }];
  }
  if (test.model !== undefined && test.tool !== undefined) {
    return [{ path: ["tool"], message: "a test is about a `model` or about a `tool`; write two tests" }];
  }
  const kinds = { tool: test.tool, model: test.model, voter: test.voter };
  return Object.entries(belongings).flatMap(([key, kind]) =>
    Reflect.get(test, key) === undefined || kinds[kind] !== undefined
      ? []
      : [{ path: [key], message: `\`${key}\` belongs to a test about a \`${kind}\`` }],
  );
}

/** What only a test of that kind can state. */
const belongings: Readonly<Record<string, "tool" | "model" | "voter">> = {
  arguments: "tool",
  drifted: "tool",
  action: "model",
  features: "model",
  sign_off: "voter",
  requesters: "voter",
  editors: "voter",
  bootstrap: "voter",
};

/** A vote is on what was decided before: what went into that decision is no fact of it. */
function voteFindings(test: PolicyTest, { world }: Known): readonly TestFinding[] {
  if (test.voter === undefined) return [];
  const decided = (["user", "arguments", "action", "features", "counters"] as const).filter(
    (key) => test[key] !== undefined,
  );
  const facts = Object.keys(test.facts).filter((key) => !approvalFacts.some(({ name }) => name === key));
  return [
    ...decided.map((key) => ({ path: [key], message: `\`${key}\` is no fact of a vote` })),
    ...facts.map((key) => ({ path: ["facts", key], message: `\`${key}\` is no fact of a vote` })),
    ...unknown(["sign_off"], "sign-off", test.sign_off ?? "default", world.signOffs),
  ];
}

function principalFindings(
  { application, groups, voter }: PolicyTest,
  { world }: Known,
): readonly TestFinding[] {
  const applications = world.applications.map((one) => one.name);
  // People are in the groups of the config, applications in what groups they like.
  const joined = voter === undefined ? world.applications.flatMap((one) => one.groups) : [];
  return [
    ...unknown(["application"], "application", application, applications),
    ...(groups ?? []).flatMap((group, at) =>
      unknown(["groups", at], "group", group, [...new Set([...world.groups, ...joined])]),
    ),
  ];
}

function resourceFindings(
  { model, tool, drifted }: PolicyTest,
  { world, pinned }: Known,
): readonly TestFinding[] {
  if (drifted === true && tool !== undefined && !pinned.has(tool)) {
    return [
      {
        path: ["drifted"],
        message: `the catalog has no \`digest\` or \`parameters\` of \`${tool}\` to drift from`,
      },
    ];
  }
  if (model === undefined) return [];
  const slash = model.indexOf("/");
  if (slash < 1 || slash === model.length - 1) {
    const message = `\`${model}\` is not the id of a model; policy decides on PROVIDER/MODEL, and what the client wrote is the fact \`requested_model\``;
    return [{ path: ["model"], message }];
  }
  const { providers } = world;
  return providers === undefined ? [] : unknown(["model"], "provider", model.slice(0, slash), providers);
}

function expectationFindings({ expect }: PolicyTest, { world, policies }: Known): readonly TestFinding[] {
  const ids = policies.map(({ id }) => id);
  const findings = [expect, ...(expect.shadow === undefined ? [] : [expect.shadow])].flatMap((verdict) => {
    const under = verdict === expect ? ["expect"] : ["expect", "shadow"];
    const asked = verdict.sign_offs.length > 0;
    return [
      ...verdict.policies.flatMap((id, at) => unknown([...under, "policies", at], "policy", id, ids)),
      ...verdict.sign_offs.flatMap((name, at) =>
        unknown([...under, "sign_offs", at], "sign-off", name, world.signOffs),
      ),
      ...(asked === (verdict.decision === "hold")
        ? []
        : [
            {
              path: [...under, "sign_offs"],
              message: "a hold names its `sign_offs`, and nothing else has any",
            },
          ]),
    ];
  });
  if (!expect.error || expect.decision === "deny") return findings;
  return [
    ...findings,
    { path: ["expect", "error"], message: "a policy that cannot be evaluated is a `deny`" },
  ];
}

function unknown(
  path: readonly PropertyKey[],
  kind: string,
  name: string,
  names: readonly string[],
): readonly TestFinding[] {
  if (names.includes(name)) return [];
  const shown = names.slice(0, 8).map((one) => `\`${one}\``);
  if (names.length > shown.length) shown.push("…");
  const help = names.length === 0 ? "there is none" : `there are ${shown.join(", ")}`;
  return [{ path, message: `there is no ${kind} \`${name}\`; ${help}` }];
}
