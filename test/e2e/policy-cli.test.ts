// The tools of policy authors from the command line, on folders as `init` makes them.

import assert from "node:assert/strict";
import { chmodSync, lstatSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, type TestContext, test } from "node:test";
import { runCli } from "../../src/cli/run.ts";
import { writeStarter } from "../../src/config/starter.ts";
import { testFolder } from "./test-gateway.ts";

const home = process.cwd();
let folder: string;

beforeEach(async () => {
  folder = testFolder();
  await writeStarter(folder, resolve(import.meta.dirname, "../../policies"));
  process.chdir(folder);
});
afterEach(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

async function cli(t: TestContext, ...args: readonly string[]) {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const mocks = [
    t.mock.method(console, "log", (text: string) => stdout.push(text)),
    t.mock.method(console, "error", (text: unknown) => stderr.push(String(text))),
  ];
  const code = await runCli(["node", "portcullis", "policy", ...args]);
  for (const { mock } of mocks) mock.restore();
  return { code, stdout: stdout.join("\n"), stderr: stderr.join("\n") };
}

function write(name: string, text: string): void {
  writeFileSync(join(folder, "policies", name), text);
}

/** Pinned as a read, so that its drift can be told. */
function pinWeather(): void {
  const config = readFileSync("portcullis.yaml", "utf8");
  const tool = `tools:\n  get_weather:\n    effect: read\n    digest: "sha256:${"ab".repeat(32)}"\n`;
  writeFileSync("portcullis.yaml", config.replace("tools:\n", tool));
}

describe("policy test", () => {
  test("passes on what `init` writes, and shows every policy at work", async (t) => {
    const { code, stdout, stderr } = await cli(t, "test", "--coverage-minimum", "100");
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /\npolicies\/models\.test\.yaml\n {2}ok {4}an application may call a model\n/);
    assert.match(stdout, /\n12 tests: 12 passed, 0 failed\n4 of 4 policies determined an outcome$/);
  });

  test("says of a test that fails where it is, what was expected, and which policies decided otherwise", async (t) => {
    write(
      "more.cedar",
      `@id("no-mail")
@reason("e-mail is not sent from here")
forbid (principal, action == Portcullis::Action::"send_email", resource);
`,
    );
    const { code, stdout } = await cli(t, "test", "--junit", "out.xml");
    assert.equal(code, 1);
    assert.match(
      stdout,
      / {2}FAIL {2}sending an e-mail waits for a sign-off {2}\(policies\/tools\.test\.yaml:4\)\n/,
    );
    assert.match(
      stdout,
      /expected {2}hold for `default` by `portcullis\/floor`\n +got {7}deny by `no-mail`\n/,
    );
    assert.match(
      stdout,
      /policy {4}no-mail {2}\(policies\/more\.cedar:1\) {2}e-mail is not sent from here\n/,
    );
    assert.match(stdout, /12 tests: 11 passed, 1 failed/);
    const xml = readFileSync("out.xml", "utf8");
    assert.match(xml, /<testsuites name="portcullis policy test" tests="12" failures="1"/);
    assert.match(
      xml,
      /<failure message="expected hold for `default` by `portcullis\/floor`, got deny by `no-mail`">/,
    );
  });

  test("tells drift, unknown tools, unattended ones, features, groups and shadows apart", async (t) => {
    pinWeather();
    write(
      "more.cedar",
      `@id("staff-may-store")
permit (principal in Portcullis::Group::"operators", action == Portcullis::Action::"use_feature", resource)
when { context.feature == "store" };

@id("no-weather")
@mode("shadow")
forbid (principal, action == Portcullis::Action::"get_weather", resource);

@id("overflows")
forbid (principal, action == Portcullis::Action::"embed", resource)
when { context.hour * 9223372036854775807 > 5 };
`,
    );
    write(
      "models.test.yaml",
      `tests:
  - name: a pinned read passes, and the shadow would deny it
    application: assistant
    tool: get_weather
    expect:
      decision: permit
      policies: [applications-may-use-tools]
      shadow: { decision: deny, policies: [no-weather] }
  - name: a drifted one is a write
    application: assistant
    tool: get_weather
    drifted: true
    expect: { decision: hold, sign_offs: [default], policies: [portcullis/floor] }
  - name: an operator's application may have its answer stored
    application: assistant
    groups: [operators]
    model: demo/assistant
    features: [store]
    expect: { decision: permit, policies: [applications-may-call-models, staff-may-store] }
  - name: what cannot be evaluated denies
    application: assistant
    model: demo/assistant
    action: embed
    expect: { decision: deny, error: true, policies: [overflows] }
`,
    );
    const { code, stdout, stderr } = await cli(t, "test");
    assert.equal(code, 0, stdout + stderr);
  });

  test("for programs there is JSON with what was found and what is covered", async (t) => {
    const { code, stdout } = await cli(t, "test", "--json");
    assert.equal(code, 0);
    const report = JSON.parse(stdout);
    assert.equal(report.ok, true);
    assert.deepEqual(
      [report.tests[0].file, report.tests[0].line, report.tests[0].got.decision],
      ["policies/approvals.test.yaml", 4, "permit"],
    );
    assert.deepEqual(report.coverage[2], {
      id: "applications-may-call-models",
      determined: true,
      satisfied: true,
      place: "policies/models.cedar:6",
    });
  });

  test("a policy that no test shows at work is named, and fails only where a minimum is asked for", async (t) => {
    write("late.cedar", '@id("late") forbid (principal, action, resource) when { context.hour > 20 };');
    const shown = await cli(t, "test");
    assert.equal(shown.code, 0);
    assert.match(shown.stdout, /not shown {2}`late` \(policies\/late\.cedar:1\) held in no test\n/);
    const asked = await cli(t, "test", "--coverage-minimum", "90");
    assert.equal(asked.code, 1);
    assert.match(asked.stderr, /4 of 5 policies determined an outcome, less than 90 %/);
  });

  const broken: readonly (readonly [name: string, text: string, message: RegExp])[] = [
    [
      "an unknown key",
      "  fcts: {}",
      /models\.test\.yaml:6: `tests\.0\.fcts`: unknown key `fcts`; did you mean `facts`\?/,
    ],
    [
      "an unknown fact",
      "  facts: { lables: [] }",
      /`tests\.0\.facts\.lables`: unknown key `lables`; did you mean `labels`\?/,
    ],
    ["a fact of another type", "  facts: { stream: 1 }", /`stream` must be `true` or `false`, not a number/],
    [
      "an application that is not configured",
      "  application: asistant",
      /there is no application `asistant`; there are `assistant`/,
    ],
    ["a group that is not configured", "  groups: [staf]", /there is no group `staf`; there are `operators`/],
    [
      "a provider that is not configured",
      "  model: opnai/gpt",
      /there is no provider `opnai`; there are `demo`/,
    ],
    ["an alias", "  model: fast", /`fast` is not the id of a model/],
    ["a model and a tool", "  tool: send_email", /a test is about a `model` or about a `tool`/],
    ["requesters where nobody votes", "  requesters: []", /`requesters` belongs to a test about a `voter`/],
    ["a vote on what a user says", "  voter: ana\n    user: eve", /`user` is no fact of a vote/],
    [
      "a vote with facts of a call",
      "  voter: ana\n    facts: { stream: true }",
      /`stream` is no fact of a vote/,
    ],
    ["a vote for what is not declared", "  voter: ana\n    sign_off: boss", /there is no sign-off `boss`/],
    ["arguments of a model", "  arguments: {}", /`arguments` belongs to a test about a `tool`/],
    [
      "a policy that is not there",
      "  expect: { decision: deny, policies: [nowhere] }",
      /there is no policy `nowhere`/,
    ],
    [
      "a hold without sign-offs",
      "  expect: { decision: hold, policies: [] }",
      /a hold names its `sign_offs`/,
    ],
    [
      "a sign-off that is not declared",
      "  expect: { decision: hold, sign_offs: [boss], policies: [] }",
      /there is no sign-off `boss`/,
    ],
    ["no policies", "  expect: { decision: deny }", /`policies` is missing; write a list/],
    ["an anchor", "  user: &a eve", /anchors .* are not used here/],
  ];
  for (const [name, line, message] of broken) {
    test(`${name} is an error at its line, and nothing runs`, async (t) => {
      const key = /^ {2}(\w+):/.exec(line)?.[1] ?? "";
      const lines = [
        "name: one",
        "application: assistant",
        "model: demo/assistant",
        "expect: { decision: permit, policies: [] }",
      ];
      const kept = lines.filter((one) => !one.startsWith(`${key}:`));
      write(
        "models.test.yaml",
        `tests:\n  - ${kept[0]}\n${kept
          .slice(1)
          .map((one) => `    ${one}`)
          .join("\n")}\n  ${line}\n`,
      );
      const { code, stdout, stderr } = await cli(t, "test");
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
    });
  }

  test("two tests of one name, a file that is none, and no test at all are errors", async (t) => {
    const one = readFileSync("policies/models.test.yaml", "utf8");
    write("models.test.yaml", one + one.slice(one.indexOf("  - name:")));
    assert.match((await cli(t, "test")).stderr, /another test of this file has this name/);
    for (const [text, message] of [
      ["- a", /write `tests:` and the list/],
      ["", /write `tests:`/],
      ["tests: []", /at least 1 entry/],
      ["tests: [", /models\.test\.yaml:1: .* a bracket is open/],
    ] as const) {
      write("models.test.yaml", text);
      const { code, stderr } = await cli(t, "test");
      assert.equal(code, 2);
      assert.match(stderr, message);
    }
    writeFileSync("policies/models.test.yaml", Buffer.from([0xff, 0xfe]));
    assert.match((await cli(t, "test")).stderr, /is not UTF-8/);
    for (const name of ["approvals", "models", "tools"]) rmSync(`policies/${name}.test.yaml`);
    write("x.test.yml", "tests: []");
    assert.match((await cli(t, "test")).stderr, /`.*x\.test\.yml` would not be run; name it `x\.test\.yaml`/);
    rmSync("policies/x.test.yml");
    const none = await cli(t, "test");
    assert.equal(none.code, 2);
    assert.match(none.stderr, /there is no test in/);
  });

  test("policies that cannot be loaded are told with their problems, and a place that cannot be written too", async (t) => {
    const unwritten = await cli(t, "test", "--junit", "nowhere/out.xml");
    assert.equal(unwritten.code, 2);
    assert.match(unwritten.stderr, /`nowhere\/out\.xml` cannot be written \(ENOENT\)/);
    write("models.cedar", "permit (principal, action, resource);");
    const { code, stderr } = await cli(t, "test");
    assert.equal(code, 2);
    assert.match(stderr, /cannot be tested:\nmodels\.cedar:1:1: the policy has no `@id`/);
  });
});

describe("policy fmt", () => {
  const loose = '// head\n@id("a")permit(principal,action,resource)when{context.hour>1};//tail\n';

  test("finds nothing to do on what `init` writes", async (t) => {
    assert.equal((await cli(t, "fmt", "--check")).code, 0);
  });

  test("with --check changes nothing and fails; without it writes, keeping mode and link, and once is enough", async (t) => {
    write("a.cedar", loose);
    chmodSync("policies/a.cedar", 0o664);
    symlinkSync("a.cedar", "policies/b.cedar");
    const checked = await cli(t, "fmt", "--check");
    assert.equal(checked.code, 1);
    assert.match(checked.stdout, /^would change policies\/a\.cedar\n/);
    assert.equal(readFileSync("policies/a.cedar", "utf8"), loose);
    assert.equal((await cli(t, "fmt")).code, 0);
    const text = readFileSync("policies/a.cedar", "utf8");
    assert.equal(
      text,
      '// head\n@id("a")\npermit (principal, action, resource)\nwhen { context.hour > 1 }; //tail\n',
    );
    assert.equal(statSync("policies/a.cedar").mode & 0o777, 0o664);
    assert.ok(lstatSync("policies/b.cedar").isSymbolicLink());
    const again = await cli(t, "fmt", "--check", "--json");
    assert.equal(again.code, 0);
    assert.deepEqual(
      new Set(JSON.parse(again.stdout).files.map(({ state }: { state: string }) => state)),
      new Set(["formatted"]),
    );
  });

  test("leaves a file that Cedar cannot read as it is, says where, and formats the others", async (t) => {
    write("a.cedar", loose);
    write("broken.cedar", "permit (principal, action, resource) when { };\n");
    const { code, stdout } = await cli(t, "fmt");
    assert.equal(code, 1);
    assert.match(stdout, /^formatted policies\/a\.cedar\nbroken\.cedar:1:\d+: /);
    assert.match(stdout, /1 formatted, 1 left as they are$/);
    assert.equal(
      readFileSync("policies/broken.cedar", "utf8"),
      "permit (principal, action, resource) when { };\n",
    );
  });
});

test("check counts the policies in shadow mode", async (t) => {
  write("a.cedar", '@id("a") @mode("shadow") forbid (principal, action, resource);');
  assert.match(
    (await cli(t, "check")).stdout,
    /^5 policies in `.*policies`, 1 of them in shadow mode: no problem found$/,
  );
  assert.equal(JSON.parse((await cli(t, "check", "--json")).stdout).shadow, 1);
});
