import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadPolicies, loadPolicyFiles } from "./load.ts";
import { loaded, permitCalls, policyFolder, problemsOf, testWorld } from "./policy.test-support.ts";
import { formatProblem } from "./problem.ts";

const forbid = (condition: string, action = "action") =>
  `@id("x") forbid (principal, ${action}, resource) when { ${condition} };`;
const chatOnly = 'action == Portcullis::Action::"chat"';

test("a sound folder loads with the floor in front, in the order of its files", async (t) => {
  const folder = policyFolder(t, {
    "b.cedar": permitCalls,
    "a/one.cedar": `// only a comment\n${forbid("context.hour > 20")}`,
    "readme.md": "not policy",
    ".hidden/bad.cedar": "no policy at all",
    ".b.cedar.swp": "\u0000",
  });
  const result = await loadPolicies(folder, testWorld);
  assert.ok(result.ok);
  assert.deepEqual(
    result.value.policies.map(({ id }) => id),
    ["portcullis/floor", "x", "calls"],
  );
});

test("every policy keeps its own text and place when a file has more than ten", () => {
  const many = Array.from(
    { length: 25 },
    (_, index) => `// é ${index};\n@id("p${index}") @reason("ü;") ${permitCalls.slice(13)}`,
  );
  const { policies } = loaded(many.join(""));
  for (const [index, policy] of policies.slice(1).entries()) {
    assert.equal(policy.id, `p${index}`);
    assert.match(policy.source.text, new RegExp(`^@id\\("p${index}"\\) @reason[^@]*;$`));
    const place = Buffer.from(many.join("")).subarray(policy.source.start).toString();
    assert.ok(place.startsWith(policy.source.text));
  }
});

const refused: readonly (readonly [name: string, text: string, message: RegExp])[] = [
  ["text that is not Cedar", "permit(principal", /unexpected end of input/],
  ["a policy without an id", "permit (principal, action, resource);", /has no `@id`/],
  ["an id that is used twice", `${permitCalls}${permitCalls}`, /`calls` stands in `test.cedar` already/],
  [
    "an id of the floor",
    '@id("portcullis/floor") forbid (principal, action, resource);',
    /the gateway's own/,
  ],
  ["a template", '@id("x") forbid (principal in ?principal, action, resource);', /is a template/],
  ["an unknown fact", forbid("context.colour == 1"), /attribute `colour`.* not found/],
  [
    "an unknown action",
    '@id("x") forbid (principal, action == Portcullis::Action::"chatt", resource);',
    /chatt/,
  ],
  ["a wrong type", forbid('context.hour == "9"'), /Long and String are not compatible/],
  ["an optional fact without `has`", forbid('context.user == "eve"', chatOnly), /optional attribute `user`/],
  ["a rule that can never apply", forbid("false"), /policy is impossible/],
  [
    "a scope that can never apply",
    '@id("x") forbid (principal is Portcullis::User, action == Portcullis::Action::"chat", resource);',
    /policy is impossible/,
  ],
  ["letters of two scripts in a name", forbid('context.labels.contains("pіі.email")'), /mixed scripts/],
  ["an address that is none", forbid('context.source_address.isInRange(ip("10.0.0.0/99"))'), /IP address/],
  ["text that runs backwards", `// \u202e hidden\n${permitCalls}`, /direction of text/],
];

for (const [name, text, message] of refused) {
  test(`${name} is a problem with its place`, () => {
    const problems = problemsOf(text);
    assert.ok(problems.length > 0, "nothing was found");
    assert.match(problems.map((problem) => problem.message).join("\n"), message);
    assert.ok(
      problems.every(({ line, column, file }) => line !== null && column !== null && file === "test.cedar"),
    );
  });
}

test("a problem is shown with file, line, column, source line and caret, in characters and not bytes", () => {
  const [problem, ...others] = problemsOf(`// höhe 😀
${permitCalls}
@id("x")
forbid (principal, action == Portcullis::Action::"chat", resource)
when { "😀é" == "a" || context.colour };`);
  assert.deepEqual(others, []);
  assert.equal(
    formatProblem(problem ?? assert.fail()),
    [
      'test.cedar:8:23: attribute `colour` in context for Portcullis::Action::"chat" not found',
      '  8 | when { "😀é" == "a" || context.colour };',
      "                            ^",
      "  help: did you mean `hour`?",
    ].join("\n"),
  );
});

test("one mistake in a policy for every action is one problem", () => {
  assert.equal(problemsOf(forbid("context.colour == 1")).length, 1);
});

test("the problems of all files are found at once, and one is enough to load nothing", () => {
  const result = loadPolicyFiles(
    [
      { name: "a.cedar", text: permitCalls },
      { name: "b.cedar", text: "nonsense" },
      { name: "c.cedar", text: forbid("false") },
    ],
    testWorld,
  );
  assert.ok(!result.ok);
  assert.deepEqual([...new Set(result.failure.map(({ file }) => file))], ["b.cedar", "c.cedar"]);
});

test("text that would break the engine for good never reaches it", () => {
  const deep = [
    `${"(".repeat(5000)}true${")".repeat(5000)}`,
    Array(5000).fill("context.hour == 1").join(" && "),
    `principal.owner${".contains(1)".repeat(5000)}`,
    `context${".a".repeat(5000)}`,
    `context${'["a"]'.repeat(5000)}`,
    `${"if true then true else ".repeat(5000)} true`,
  ];
  for (const condition of deep) {
    for (const end of [" };", ""]) {
      const text = `@id("x") forbid (principal, action, resource) when { ${condition}${end}`;
      assert.match(problemsOf(text)[0]?.message ?? "", /^(?:brackets )?more than \d+/);
    }
  }
  assert.deepEqual(problemsOf(permitCalls), [], "the engine still works");
});

test("a tool with the name of a built-in action, or a missing default sign-off, is a problem of the config", () => {
  for (const world of [
    { ...testWorld, tools: ["chat"] },
    { ...testWorld, signOffs: ["finance"] },
  ]) {
    assert.equal(problemsOf(permitCalls, world)[0]?.file, "the config");
  }
});

test("a missing folder and an empty one are problems that say what to do", async (t) => {
  const folder = policyFolder(t, { "notes.txt": "" });
  for (const path of [join(folder, "missing"), folder]) {
    const result = await loadPolicies(path, testWorld);
    assert.ok(!result.ok);
    assert.match(
      formatProblem(result.failure[0] ?? assert.fail()),
      /no (?:policy folder|\.cedar file)|there is no policy folder/,
    );
    assert.match(result.failure[0]?.help ?? "", /put a policy in it/);
  }
});

test("a file that is not UTF-8 is refused", async (t) => {
  const folder = policyFolder(t, { "a.cedar": new Uint8Array([0x2f, 0x2f, 0xff]) });
  const result = await loadPolicies(folder, testWorld);
  assert.ok(!result.ok);
  assert.match(result.failure[0]?.message ?? "", /not UTF-8/);
});

test("links count only when what they name lies in the folder", async (t) => {
  const outside = policyFolder(t, { "a.cedar": permitCalls, "team/b.cedar": permitCalls });
  const inside = policyFolder(t, { "..data/real.cedar": permitCalls });
  symlinkSync(join("..data", "real.cedar"), join(inside, "linked.cedar"));
  assert.ok((await loadPolicies(inside, testWorld)).ok, "as a mounted ConfigMap does it");
  for (const [target, message] of [
    [join(outside, "a.cedar"), /leads out of/],
    [join(outside, "team"), /link to a folder/],
    [join(outside, "gone.cedar"), /leads nowhere/],
  ] as const) {
    const folder = policyFolder(t, { "ok.cedar": permitCalls });
    symlinkSync(target, join(folder, "link.cedar"));
    const result = await loadPolicies(folder, testWorld);
    assert.ok(!result.ok);
    assert.match(result.failure[0]?.message ?? "", message);
  }
});

test("a folder that holds too much is refused before it is read", async (t) => {
  const folder = policyFolder(t, {});
  mkdirSync(join(folder, "many"));
  for (let index = 0; index <= 2000; index += 1) writeFileSync(join(folder, "many", `${index}.cedar`), "");
  const result = await loadPolicies(folder, testWorld);
  assert.ok(!result.ok);
  assert.match(result.failure[0]?.message ?? "", /more than 2000/);
});

test("the revision is the same for the same policies and another for any change of what decisions rest on", () => {
  const id = loaded(permitCalls).revision.id;
  assert.match(id, /^[0-9a-f]{64}$/);
  assert.equal(loaded(permitCalls).revision.id, id);
  const [assistant, batch] = testWorld.applications;
  assert.ok(assistant !== undefined && batch !== undefined);
  const others = [
    loaded(`${permitCalls}\n`),
    loaded(permitCalls, { ...testWorld, tools: [] }),
    loaded(permitCalls, { ...testWorld, signOffs: ["default", "finance", "legal"] }),
    loaded(permitCalls, { ...testWorld, applications: [{ ...assistant, groups: [] }, batch] }),
  ];
  assert.equal(new Set([id, ...others.map(({ revision }) => revision.id)]).size, 5);
});
