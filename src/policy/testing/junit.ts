// Test results as JUnit XML, in the form that CI servers agree on: a suite a file, a case a test.

/** One test that was run. */
export interface TestCase {
  readonly file: string;
  readonly line: number | null;
  readonly name: string;
  readonly milliseconds: number;
  /** Null when it passed: else what was expected and what was decided. */
  readonly failure: string | null;
}

export function junitXml(cases: readonly TestCase[]): string {
  const files = [...new Set(cases.map(({ file }) => file))];
  const suites = files.map((file) =>
    suite(
      file,
      cases.filter((one) => one.file === file),
    ),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="portcullis policy test" ${counts(cases)}>
${suites.join("\n")}
</testsuites>
`;
}

function suite(file: string, cases: readonly TestCase[]): string {
  return `  <testsuite name=${quoted(file)} ${counts(cases)}>
${cases.map(testCase).join("\n")}
  </testsuite>`;
}

function testCase({ file, line, name, milliseconds, failure }: TestCase): string {
  const place = line === null ? "" : ` line="${line}"`;
  const head = `    <testcase classname=${quoted(file)} name=${quoted(name)} file=${quoted(file)}${place} time="${seconds(milliseconds)}"`;
  if (failure === null) return `${head}/>`;
  const [message = ""] = failure.split("\n");
  return `${head}>
      <failure message=${quoted(message)}>${escaped(failure).replaceAll("&#10;", "\n")}</failure>
    </testcase>`;
}

function counts(cases: readonly TestCase[]): string {
  const failures = cases.filter(({ failure }) => failure !== null).length;
  const time = cases.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return `tests="${cases.length}" failures="${failures}" errors="0" time="${seconds(time)}"`;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}

function quoted(text: string): string {
  return `"${escaped(text)}"`;
}

// An attribute's white space is normalised by parsers unless it is written as a reference.
const references: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

/** What XML 1.0 §2.2 does not let into a document in any form becomes U+FFFD. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, "\u{fffd}")
    .replace(/[&<>"\t\n\r]/g, (mark) => references[mark] ?? mark);
}
