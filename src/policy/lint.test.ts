import assert from "node:assert/strict";
import { test } from "node:test";
import { permitTools, problemsOf } from "./policy.test-support.ts";

const finance = 'context.approvals.contains("finance")';
const payments = 'principal, action == Portcullis::Action::"pay_invoice", resource';
const forbid = (rest: string, annotations = "") => `@id("x") ${annotations} forbid (${payments}) ${rest};`;
const permit = (rest: string, annotations = "") => `@id("x") ${annotations} permit (${payments}) ${rest};`;

const sound: readonly (readonly [name: string, text: string])[] = [
  ["a sign-off in a forbid's unless", forbid(`unless { ${finance} }`, '@approval("finance")')],
  ["a sign-off in a permit's when", permit(`when { ${finance} }`)],
  [
    "sign-offs joined by and, or and branches",
    forbid(
      `unless { (${finance} && context.approvals.contains("legal")) || (if context.hour > 9 then ${finance} else context.signed_off) }`,
    ),
  ],
  ["a default sign-off as signed_off", forbid("unless { context.signed_off }", '@approval("default")')],
  ["a policy in shadow mode", forbid("", '@mode("shadow")')],
  ["arithmetic on a fact that is ours", forbid("when { context.hour + 1 > 3 }")],
  [
    "a known group, provider and model",
    `${permitTools} @id("x") forbid (principal in Portcullis::Group::"staff", action, resource in Portcullis::Provider::"demo") unless { resource == Portcullis::Model::"demo/a/b" };`,
  ],
  [
    "a tool that the catalog does not know",
    '@id("x") forbid (principal, action == Portcullis::Action::"uncatalogued_tool", resource == Portcullis::Tool::"rm");',
  ],
];

for (const [name, text] of sound) {
  test(`${name} is sound`, () => assert.deepEqual(problemsOf(text), []));
}

const refused: readonly (readonly [name: string, text: string, message: RegExp])[] = [
  ["a sign-off in a forbid's when", forbid(`when { ${finance} }`), /only positively/],
  ["a sign-off in a permit's unless", permit(`unless { ${finance} }`), /only positively/],
  ["a negated sign-off", forbid(`unless { !(${finance}) }`), /only positively/],
  ["a sign-off that is compared", permit(`when { ${finance} == false }`), /only positively/],
  [
    "a sign-off as a condition of if",
    permit(`when { if ${finance} then false else true }`),
    /only positively/,
  ],
  [
    "signed_off in a forbid's when",
    forbid("when { context.signed_off }"),
    /`context.signed_off` may be used only/,
  ],
  [
    "signed_off compared",
    permit("when { context.signed_off == false }"),
    /`context.signed_off` may be used only/,
  ],
  ["the number of sign-offs", permit("when { context.approvals.isEmpty() }"), /only be used as/],
  [
    "approvals against a set",
    permit('when { context.approvals.containsAny(["finance"]) }'),
    /only be used as/,
  ],
  [
    "approvals contained in something",
    permit("when { [context.approvals].contains(context.labels) }"),
    /only be used as/,
  ],
  [
    "a sign-off whose name is computed",
    permit("when { context.approvals.contains(principal.owner) }"),
    /only be used as/,
  ],
  ["has approvals", permit("when { context has approvals }"), /only be used as/],
  [
    "a sign-off that is not declared",
    forbid('unless { context.approvals.contains("fiance") }'),
    /`fiance` is not in/,
  ],
  ["context as a whole", forbid("when { {a: context} == {a: context} }"), /used whole/],
  ["an approval that is not declared", forbid("", '@approval("boss")'), /`boss`, which is not declared/],
  ["an approval that no unless mentions", forbid("", '@approval("finance")'), /needs `unless/],
  [
    "an approval of which unless mentions another",
    forbid('unless { context.approvals.contains("legal") }', '@approval("finance")'),
    /needs `unless/,
  ],
  [
    "an approval lifted by signed_off only",
    forbid("unless { context.signed_off }", '@approval("finance")'),
    /needs `unless/,
  ],
  ["an approval on a permit", permit("", '@approval("finance")'), /on a permit/],
  ["an unknown annotation", forbid("", '@reson("typing error")'), /unknown annotation `@reson`/],
  ["another mode than shadow", forbid("", '@mode("shaddow")'), /`@mode\("shaddow"\)` is no mode/],
  ["a mode without a value", forbid("", "@mode"), /`@mode\(""\)` is no mode/],
  ["an id without a value", `@id permit (${payments});`, /is not a policy id/],
  ["an id that is too long", `@id("${"a".repeat(129)}") permit (${payments});`, /is not a policy id/],
  ["an id that would end a header", `@id("a\\r\\nb") permit (${payments});`, /is not a policy id/],
  ["a reason that is too long", forbid("", `@reason("${"a".repeat(301)}")`), /301 characters/],
  ["a reason of several lines", forbid("", '@reason("a\\nb")'), /control character/],
  ["an empty reason", forbid("", '@reason(" ")'), /is empty/],
  [
    "arithmetic on a long of the caller",
    '@id("x") forbid (principal, action == Portcullis::Action::"chat", resource) when { context.input_tokens * 2 > 100 };',
    /`\*` on `context.input_tokens`/,
  ],
  [
    "arithmetic on one that is hidden in a branch",
    '@id("x") forbid (principal, action == Portcullis::Action::"chat", resource) when { (if context.stream then context.message_count else 1) - 1 > 100 };',
    /`-` on `context.message_count`/,
  ],
  [
    "an unknown group",
    '@id("x") forbid (principal in Portcullis::Group::"staf", action, resource);',
    /no group `staf`/,
  ],
  [
    "an unknown application in a condition",
    '@id("x") forbid (principal, action, resource) when { principal == Portcullis::Application::"asistant" };',
    /no application `asistant`/,
  ],
  [
    "an unknown provider in a set",
    '@id("x") forbid (principal, action == Portcullis::Action::"chat", resource) when { resource in [Portcullis::Provider::"demo", Portcullis::Provider::"opnai"] };',
    /no provider `opnai`/,
  ],
  [
    "an unknown provider after is",
    '@id("x") forbid (principal, action, resource is Portcullis::Model in Portcullis::Provider::"opnai");',
    /no provider `opnai`/,
  ],
  [
    "an alias in place of a model",
    '@id("x") forbid (principal, action, resource == Portcullis::Model::"fast");',
    /is not the id of a model/,
  ],
  [
    "a model of an unknown provider",
    '@id("x") forbid (principal, action, resource == Portcullis::Model::"opnai/gpt");',
    /no provider `opnai`/,
  ],
];

for (const [name, text, message] of refused) {
  test(`${name} is refused`, () => {
    const problems = problemsOf(text);
    assert.match(problems.map((problem) => problem.message).join("\n"), message);
    assert.ok(problems.every(({ help }) => help === null || help.length > 0));
  });
}

test("a lint points at the word it is about, not at the same word in a comment or a string", () => {
  const text =
    '// approvals\n@id("x") @reason("approvals")\nforbid (principal, action, resource)\nwhen { context.approvals.isEmpty() };';
  const problem = problemsOf(text).find(({ message }) => message.includes("only be used"));
  assert.deepEqual([problem?.line, problem?.column], [4, 16]);
});
