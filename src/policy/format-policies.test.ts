import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { policyToJson } from "@cedar-policy/cedar-wasm/nodejs";
import fc from "fast-check";
import { formatPolicyFile } from "./format-policies.ts";
import { commentsIn, splitPolicies } from "./split-policies.ts";

function formatted(text: string): string {
  const result = formatPolicyFile({ name: "a.cedar", text });
  assert.ok(result.ok, result.ok ? "" : JSON.stringify(result.failure));
  return result.value;
}

const cases: readonly (readonly [name: string, before: string, after: string])[] = [
  [
    "a policy is laid out by Cedar",
    "permit(principal,action,resource);",
    "permit (principal, action, resource);\n",
  ],
  [
    "a comment behind a policy stays behind it, and one before the next stays there",
    "permit(principal,action,resource); // one\n  // two\n\n\n\n// three\nforbid(principal,action,resource);",
    "permit (principal, action, resource); // one\n// two\n\n// three\nforbid (principal, action, resource);\n",
  ],
  [
    "a comment that stands apart from the policy below it stays apart",
    '\n\n// head\n\n@id("a")permit(principal,action,resource);\n\n// tail\n\n',
    '// head\n\n@id("a")\npermit (principal, action, resource);\n\n// tail\n',
  ],
  [
    "policies that touch are taken apart",
    "permit(principal,action,resource);forbid(principal,action,resource);",
    "permit (principal, action, resource);\n\nforbid (principal, action, resource);\n",
  ],
  ["comments alone are left", "// a\r\n\r\n\r\n//   b", "// a\n\n//   b\n"],
  ["an empty file stays empty", "", ""],
  [
    "what looks like a comment in a string is none",
    'permit(principal,action,resource) when {"a // b;" == "c"};',
    'permit (principal, action, resource)\nwhen { "a // b;" == "c" };\n',
  ],
];

for (const [name, before, after] of cases) {
  test(name, () => {
    assert.equal(formatted(before), after);
    assert.equal(formatted(after), after);
  });
}

test("the starter policies are formatted", () => {
  const folder = join(import.meta.dirname, "../../policies");
  for (const name of readdirSync(folder).filter((one) => one.endsWith(".cedar"))) {
    const text = readFileSync(join(folder, name), "utf8");
    assert.equal(formatted(text), text, name);
  }
});

test("what Cedar cannot read is a problem at its place, and deep text never reaches it", () => {
  for (const [text, message] of [
    ["permit(principal,action);", /unexpected|missing|parse/],
    [
      `permit(principal,action,resource) when { ${"(".repeat(30)}true${")".repeat(30)} };`,
      /brackets more than/,
    ],
  ] as const) {
    const result = formatPolicyFile({ name: "a.cedar", text });
    assert.ok(!result.ok);
    assert.match(result.failure[0]?.message ?? "", message);
    assert.equal(result.failure[0]?.line, 1);
  }
});

const samples = [
  '@id("a") @reason("no // comment; here") forbid(principal == Portcullis::Application::"x", action in [Portcullis::Action::"chat", Portcullis::Action::"embed"], resource) when { context.labels.containsAny(["a", "b"]) && (context.hour < 8 || context.hour >= 18) } unless { principal in Portcullis::Group::"g" };',
  "permit(principal, action, resource) when { if context.stream then {a: 1, b: [2, 3]}.a == 1 else !(context has user) };",
  'permit(principal is Portcullis::Application, action, resource) when { context.source_address.isInRange(ip("10.0.0.0/8")) && resource.name like "a*b" };',
];
const token = /"(?:\\.|[^"\\])*"|[A-Za-z_]\w*|::|&&|\|\||[<>=!]=|\d+|\S/g;
const gaps = fc.constantFrom(
  "",
  "",
  "",
  " ",
  "\n",
  "\r\n",
  "\n\n\n",
  " // c;1\n",
  '\n// c"2 \n',
  "// {c3\n\t",
  " //\n",
);

/** Any of the samples with anything between any two of their tokens. */
const written = fc.array(fc.constantFrom(...samples), { minLength: 1, maxLength: 3 }).chain((policies) => {
  const tokens = policies.join(" ").match(token) ?? [];
  return fc
    .array(gaps, { minLength: tokens.length + 1, maxLength: tokens.length + 1 })
    .map(
      (between) =>
        tokens.map((one, at) => `${between[at] === "" ? " " : between[at]}${one}`).join("") + between.at(-1),
    );
});

test("wherever comments stand, none is lost, no policy changes, and a second time changes nothing", () => {
  let refused = 0;
  const numRuns = 60;
  fc.assert(
    fc.property(written, (text) => {
      const result = formatPolicyFile({ name: "a.cedar", text });
      if (!result.ok) {
        refused += 1;
        return;
      }
      const json = (of: string): unknown => splitPolicies(of).map((source) => policyToJson(source.text));
      const comments = (of: string): readonly string[] =>
        commentsIn(of)
          .map((one) => one.trimEnd())
          .sort();
      assert.deepEqual(json(result.value), json(text));
      assert.deepEqual(comments(result.value), comments(text));
      assert.equal(formatted(result.value), result.value);
    }),
    { numRuns },
  );
  assert.ok(refused < numRuns / 2, `${refused} of ${numRuns} were refused`);
});
