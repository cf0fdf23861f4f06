import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { junitXml, type TestCase } from "./junit.ts";

const passed: TestCase = { file: "a.test.yaml", line: 3, name: "one", milliseconds: 12, failure: null };

test("a suite for each file, a case for each test, and counts that agree", () => {
  const failed = {
    ...passed,
    file: "b.test.yaml",
    line: null,
    name: "two",
    failure: "expected a, got b\nat b",
  };
  assert.equal(
    junitXml([passed, failed]),
    `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="portcullis policy test" tests="2" failures="1" errors="0" time="0.024">
  <testsuite name="a.test.yaml" tests="1" failures="0" errors="0" time="0.012">
    <testcase classname="a.test.yaml" name="one" file="a.test.yaml" line="3" time="0.012"/>
  </testsuite>
  <testsuite name="b.test.yaml" tests="1" failures="1" errors="0" time="0.012">
    <testcase classname="b.test.yaml" name="two" file="b.test.yaml" time="0.012">
      <failure message="expected a, got b">expected a, got b
at b</failure>
    </testcase>
  </testsuite>
</testsuites>
`,
  );
});

/** What an XML parser makes of an attribute's value or of text. */
function decoded(text: string): string {
  return text.replace(/&(?:#(\d+)|amp|lt|gt|quot);/g, (reference) => {
    const code = /^&#(\d+);$/.exec(reference)?.[1];
    if (code !== undefined) return String.fromCodePoint(Number(code));
    return { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"' }[reference] ?? assert.fail(reference);
  });
}

test("whatever a name or failure holds, the document stays one, and says what was said", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", minLength: 1 }),
    fc.constantFrom("]]>", "<!--", "&amp;", '"/>', "\u0000", "\ud800", "\ufffe", "\t\r\n", "</testsuites>"),
  );
  fc.assert(
    fc.property(text, text, (name, failure) => {
      const xml = junitXml([{ ...passed, name, failure }]);
      // XML 1.0 §2.2, and no markup but ours.
      assert.doesNotMatch(xml, /[^\t\n\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u);
      assert.equal(xml.match(/</g)?.length, 9);
      assert.doesNotMatch(xml.replace(/&(?:amp|lt|gt|quot|#9|#10|#13);/g, ""), /&/);
      const clean = (of: string): string =>
        of
          .toWellFormed()
          .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, "\u{fffd}");
      const [, shown = ""] = / name="([^"]*)" file=/.exec(xml) ?? [];
      assert.equal(decoded(shown), clean(name));
      const [, told = ""] = /<failure message="[^"]*">([^<]*)</.exec(xml) ?? [];
      assert.equal(decoded(told), clean(failure));
    }),
  );
});
