// What docs/policies.md tells policy authors to do, done: its CI job, its hook, its example of a test, its defaults.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { writeStarter } from "../../src/config/starter.ts";
import { factDefaults } from "../../src/policy/testing/test-facts.ts";
import { testFolder } from "./test-gateway.ts";

const root = resolve(import.meta.dirname, "../..");
const guide = readFileSync(join(root, "docs/policies.md"), "utf8");
const environment = { ...process.env, PATH: `${join(root, "bin")}:${process.env["PATH"] ?? ""}` };

function block(language: string, holding: string): string {
  const found = [...guide.matchAll(/```(\w+)\n([\s\S]*?)```/g)].find(
    ([, name, text]) => name === language && text?.includes(holding),
  );
  return found?.[2] ?? assert.fail(`the guide has no ${language} block with ${holding}`);
}

async function started(t: TestContext): Promise<string> {
  const folder = testFolder();
  t.after(() => rmSync(folder, { recursive: true }));
  await writeStarter(folder, join(root, "policies"));
  return folder;
}

function run(folder: string, command: string, ...args: readonly string[]) {
  return spawnSync(command, args, { cwd: folder, env: environment, encoding: "utf8" });
}

const broken = '@id("x") forbid(principal, action, resource == Portcullis::Model::"demo/assistant");\n';

test("the CI job passes on what `init` writes, leaves its report, and fails where a policy says something else", async (t) => {
  const job = z.object({ policies: z.object({ script: z.array(z.string()).length(3) }) });
  const { script } = job.parse(parse(block("yaml", "script:"))).policies;
  const folder = await started(t);
  for (const line of script) {
    const { status, stdout, stderr } = run(folder, "sh", "-c", line);
    assert.equal(status, 0, `${line}\n${stdout}${stderr}`);
  }
  assert.match(readFileSync(join(folder, "policy-tests.xml"), "utf8"), /<testsuites .* failures="0"/);
  appendFileSync(join(folder, "policies", "models.cedar"), broken);
  assert.deepEqual(
    script.map((line) => run(folder, "sh", "-c", line).status),
    [0, 1, 1],
  );
});

test("the hook lets a commit of sound policies through and stops one that fails its tests", async (t) => {
  const folder = await started(t);
  const git = (...args: readonly string[]) =>
    run(folder, "git", "-c", "user.name=a", "-c", "user.email=a@example.com", ...args);
  assert.equal(git("init", "-q").status, 0, "git is needed: install it with the system's packages");
  const hook = join(folder, ".git/hooks/pre-commit");
  writeFileSync(hook, block("sh", "set -e"));
  chmodSync(hook, 0o755);
  git("add", "-A");
  const first = git("commit", "-m", "a");
  assert.equal(first.status, 0, first.stdout + first.stderr);
  appendFileSync(join(folder, "policies", "models.cedar"), broken);
  git("add", "-A");
  const second = git("commit", "-m", "b");
  assert.equal(second.status, 1);
  assert.match(second.stdout + second.stderr, /would change policies\/models\.cedar/);
});

test("the example of a test is one: it runs and passes under policies that say what it expects", async (t) => {
  const folder = await started(t);
  writeFileSync(
    join(folder, "portcullis.yaml"),
    `providers: { openai: { type: openai, base_url: "https://api.openai.com/v1" } }
groups: { staff: [] }
sign_offs: { finance: { approvers: [ana@example.com] } }
tools: { pay_invoice: { effect: write } }
applications: [{ name: assistant }]
`,
  );
  for (const name of readdirSync(join(folder, "policies"))) rmSync(join(folder, "policies", name));
  writeFileSync(
    join(folder, "policies", "a.cedar"),
    `@id("all") permit (principal, action, resource);
@id("no-pii-to-openai") @reason("take the e-mail address out")
forbid (principal in Portcullis::Group::"staff", action == Portcullis::Action::"chat", resource in Portcullis::Provider::"openai")
when { context.labels.contains("pii.email") && context.weekday == 7 };
@id("payments-need-finance") @approval("finance")
forbid (principal, action == Portcullis::Action::"pay_invoice", resource)
unless { context.approvals.contains("finance") };
@id("no-payments-at-all") @mode("shadow")
forbid (principal, action == Portcullis::Action::"pay_invoice", resource);
${block("cedar", "four-eyes")}`,
  );
  writeFileSync(join(folder, "policies", "a.test.yaml"), block("yaml", "tests:"));
  const { status, stdout, stderr } = run(folder, "portcullis", "policy", "test");
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /3 passed, 0 failed/);
});

test("the guide's rule about an argument asks for what it says, and what its schema does not hold is denied", async (t) => {
  const folder = await started(t);
  const tools = block("yaml", "transfer:");
  writeFileSync(
    join(folder, "portcullis.yaml"),
    `sign_offs: { finance: { approvers: [ana@example.com] } }
applications: [{ name: assistant }]
${tools}`,
  );
  for (const name of readdirSync(join(folder, "policies"))) rmSync(join(folder, "policies", name));
  const permit = '@id("all") permit (principal, action, resource);\n';
  writeFileSync(join(folder, "policies", "a.cedar"), permit + block("cedar", "large-transfers"));
  const asking = (name: string, given: string, expected: string) =>
    `  - { name: ${name}, application: assistant, tool: transfer, arguments: ${given}, expect: ${expected} }\n`;
  const floor = "portcullis/floor";
  writeFileSync(
    join(folder, "policies", "a.test.yaml"),
    `tests:
${asking("little", "{ to: a, cents: 100000 }", `{ decision: hold, sign_offs: [default], policies: [${floor}] }`)}${asking(
  "much",
  '{ to: a, cents: 100001, memo: "" }',
  `{ decision: hold, sign_offs: [finance], policies: [large-transfers-need-finance, ${floor}] }`,
)}${asking("text", '{ to: a, cents: "1" }', "{ decision: deny, policies: [] }")}${asking(
  "more",
  "{ to: a, cents: 1, from: b }",
  "{ decision: deny, policies: [all] }",
)}`,
  );
  const { status, stdout } = run(folder, "portcullis", "policy", "test");
  assert.equal(status, 1, stdout);
  assert.match(stdout, /3 passed, 1 failed/);
  assert.match(
    stdout,
    /because {3}the arguments of `transfer` cannot be described: `from` is not among the catalog's `parameters`\n/,
  );
  const schema = run(folder, "portcullis", "policy", "schema").stdout;
  assert.match(schema, /arguments: \{\n +"cents": Long,\n +"memo"\?: String,\n +"to": String,\n/);
});

test("the guide names the default of every type of fact", () => {
  for (const [type, value] of Object.entries(factDefaults)) {
    const shown =
      type === "datetime"
        ? new Date(Number(value)).toISOString()
        : type === "ipaddr"
          ? value
          : JSON.stringify(value);
    assert.ok(guide.includes(`| \`${type}\` | \`${String(shown)}\``), `${type}: ${String(shown)}`);
  }
});
