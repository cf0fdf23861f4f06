import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { argumentRecord } from "../facts/argument-schema.ts";
import { loadPolicies } from "./load.ts";
import {
  chat,
  deciderFor,
  deciderOf,
  feature,
  loaded,
  testWorld,
  toolCall,
  vote,
} from "./policy.test-support.ts";
import type { PolicyWorld } from "./world.ts";

const folder = join(import.meta.dirname, "../../policies");
const starter = readdirSync(folder)
  .filter((name) => name.endsWith(".cedar"))
  .map((name) => readFileSync(join(folder, name), "utf8"))
  .join("\n");

test("the starter policies load under a config with nothing but the demo provider", async () => {
  const world = { applications: [], groups: [], tools: [], providers: ["demo"], signOffs: ["default"] };
  assert.ok((await loadPolicies(folder, world)).ok);
});

test("the starter policies permit every model and pinned reads, hold writes and deny features", () => {
  const { decide } = deciderFor(starter);
  assert.equal(decide(chat()).outcome, "permit");
  assert.equal(decide(chat({}, "openai/anything")).outcome, "permit");
  assert.equal(decide(toolCall("get_weather", { effect: "read" })).outcome, "permit");
  for (const tool of ["send_email", "unknown"]) {
    const { outcome, signOffs } = decide(toolCall(tool));
    assert.deepEqual([outcome, signOffs], ["hold", ["default"]]);
  }
  assert.equal(decide(feature("web_search_options")).outcome, "deny");
});

test("in the starter policies four eyes are on: neither who asked nor who edited can approve", () => {
  const { decide } = deciderFor(starter);
  assert.equal(decide(vote()).outcome, "permit");
  for (const facts of [{ requesters: ["ana@example.com"] }, { editors: ["ana@example.com"] }]) {
    const { outcome, policies } = decide(vote(facts));
    assert.deepEqual([outcome, policies.map(({ id }) => id)], ["deny", ["four-eyes"]]);
    assert.equal(decide(vote({ ...facts, bootstrap: true })).outcome, "permit");
  }
});

/** With the tool whose parameters stand in the comments. */
function exampleWorld(): PolicyWorld {
  const [lines = ""] = /^\/\/ {3}transfer:\n(?:\/\/ {3,}.*\n)+/m.exec(starter) ?? [];
  const { transfer } = z
    .object({ transfer: z.object({ parameters: z.record(z.string(), z.json()) }) })
    .parse(parse(lines.replaceAll(/^\/\/ {3}/gm, "")));
  return {
    ...testWorld,
    tools: [...testWorld.tools, "transfer"],
    arguments: new Map([["transfer", argumentRecord(transfer.parameters)]]),
  };
}

test("every example in the comments loads and does what it says", () => {
  const examples = [...starter.matchAll(/^\/\/ @id[\s\S]*?;$/gm)].map(([lines]) =>
    lines.replaceAll(/^\/\/ ?/gm, ""),
  );
  assert.equal(examples.length, (starter.match(/^\/\/ @id/gm) ?? []).length);
  assert.ok(examples.length >= 20, `found ${examples.length}`);
  const text = `${starter}\n${examples.join("\n")}`;
  const { counters, decide } = deciderOf(loaded(text, exampleWorld()));
  const deniedBy = (request: Parameters<typeof decide>[0]) => decide(request).policies.map(({ id }) => id);
  const unused = Object.fromEntries(counters.map(({ path }) => [path, 0]));
  const fine = { output_limit: 100, user: "ana", counters: unused };
  assert.equal(decide(chat(fine)).outcome, "permit");
  assert.deepEqual(deniedBy(chat(fine, "demo/assistant-large")), ["no-large-demo-model"]);
  assert.deepEqual(deniedBy({ ...chat(fine, "openai/gpt"), principal: { id: "batch" } }), [
    "openai-is-for-the-assistant",
  ]);
  assert.deepEqual(deniedBy(chat({ ...fine, labels: ["pii.email"] }, "openai/gpt")), [
    "no-secrets-to-openai",
  ]);
  assert.deepEqual(deniedBy(chat({ ...fine, time: Date.parse("2026-11-22T10:00:00Z") })), ["office-hours"]);
  assert.deepEqual(deniedBy(chat({ user: "ana", counters: unused })), ["answers-have-a-limit"]);
  const { user: _, ...unnamed } = { ...fine, counters: { ...unused, "tokens.user.day": null } };
  assert.deepEqual(deniedBy(chat(unnamed)), ["users-are-named"]);
  const limits: readonly (readonly [string, number, string])[] = [
    ["rate.minute", 60, "sixty-requests-a-minute"],
    ["spend.month", 500_000_000, "five-hundred-dollars-a-month"],
    ["unpriced.day", 0, "priced-models-only"],
    ["spend.group.staff.day", 100_000_000, "staff-share-a-budget"],
    ["tokens.user.day", 1_000_000, "a-million-tokens-a-day-for-each-user"],
  ];
  for (const [path, most, id] of limits) {
    assert.equal(decide(chat({ ...fine, counters: { ...unused, [path]: most } })).outcome, "permit", id);
    assert.deepEqual(deniedBy(chat({ ...fine, counters: { ...unused, [path]: most + 1 } })), [id]);
  }
  const nearly = { ...fine, counters: { ...unused, "spend.month": 400_000_001 } };
  assert.equal(decide(chat(nearly)).outcome, "permit");
  assert.ok(
    deniedBy(chat(nearly, "demo/assistant-large")).includes("large-models-until-four-hundred-dollars"),
  );
  assert.equal(decide(feature("web_search_options", fine)).outcome, "permit");
  assert.deepEqual(decide(toolCall("pay_invoice", { source_address: "10.20.1.1" })).signOffs, ["finance"]);
  assert.deepEqual(deniedBy(toolCall("pay_invoice")), ["payments-from-the-office"]);
  assert.deepEqual(deniedBy(toolCall("unknown")), ["only-catalogued-tools"]);
  const transfer = (to: string, cents: number) => ({
    ...toolCall("transfer", { arguments: { to, cents } }),
    catalogued: true,
  });
  assert.deepEqual(decide(transfer("CH93 0076", 100_000)).signOffs, ["default"]);
  assert.deepEqual(decide(transfer("CH93 0076", 100_001)).signOffs, ["finance"]);
  assert.deepEqual(deniedBy(transfer("XX00", 1)), ["transfers-to-known-accounts"]);
  assert.equal(decide(vote()).outcome, "permit");
  assert.deepEqual(deniedBy(vote({}, "cy@example.com", ["contractors"])), ["contractors-do-not-approve"]);
  assert.deepEqual(deniedBy(vote({ time: Date.parse("2026-11-22T10:00:00Z") })), [
    "payments-are-approved-in-office-hours",
  ]);
});
