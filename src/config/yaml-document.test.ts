import assert from "node:assert/strict";
import { test } from "node:test";
import { loaded, problemsOf } from "./config.test-support.ts";
import { readYaml } from "./yaml-document.ts";

const bom = "\uFEFF";

test("byte order mark and Windows line ends change nothing", async (t) => {
  const { config } = await loaded(
    t,
    `${bom}groups:\r\n  a:\r\n    - ana@example.com\r\nlog:\r\n  level: warn\r\n`,
  );
  assert.deepEqual(config.groups, { a: ["ana@example.com"] });
  assert.equal(config.log.level, "warn");
  assert.deepEqual(await problemsOf(t, `${bom}{}\r\n# x\r\n---\r\n`), [
    "3 : a second document starts here; keep to one, without `---` or `...` in it",
  ]);
});

test("bytes that are not UTF-8 are refused, never replaced", async (t) => {
  for (const bytes of [
    Buffer.from("groups: { a: [j\xf6rg] }", "latin1"),
    Buffer.from(`${bom}{}`, "utf16le"),
    Buffer.from([0x7b, 0x7d, 0x23, 0xed, 0xa0, 0x80]),
  ]) {
    assert.deepEqual(await problemsOf(t, bytes), ["- : the file is not UTF-8; save it as UTF-8"]);
  }
});

test("words that other YAML takes for booleans, dates and times stay the words they are", async (t) => {
  const { config } = await loaded(
    t,
    "groups: { no: [yes], on: [off], y: [2026-01-01], null: [12:30:45], 1e3: [a] }\ntools: { true: { effect: write } }\n",
  );
  assert.deepEqual(config.groups, {
    no: ["yes"],
    on: ["off"],
    y: ["2026-01-01"],
    null: ["12:30:45"],
    "1e3": ["a"],
  });
  assert.deepEqual(Object.keys(config.tools), ["true"]);
});

test("what reads differently than it looks is refused at its line", async (t) => {
  const refused: readonly (readonly [text: string, problem: RegExp])[] = [
    ["data: a\nlog: {}\ndata: b", /^3 data: the key `data` stands twice/],
    ['data: a\n"data": b', /^2 data: .*stands twice/],
    ["groups:\n  '1': []\n  1: []", /^3 groups\.1: .*stands twice/],
    ["log: { level: warn, level: info }", /^1 log\.level: .*stands twice/],
    ["data: &x ./d\nkeys: *x", /^1 data: anchors .* and aliases/],
    ["log: {}\nkeys: *x", /^2 keys: anchors .* and aliases/],
    ["tools: &t\n  a: *t", /^1 tools: anchors/],
    ["log:\n  <<: { level: warn }", /^2 log\.<<: merge keys/],
    ["tools:\n  <<: { effect: write }", /^2 tools\.<<: merge keys/],
    ["data: !!str x", /^1 data: tags/],
    ["data: !!binary aGk=", /^1 data: tags/],
    ["groups: !!set { a, b }", /^1 groups: tags/],
    ["data: !secret x", /^1 : tags/],
    ["? !!str data\n: x", /^1 data: tags/],
    ["%YAML 1.1\n---\nlog: {}", /^1 : take away the `%YAML` line/],
    ["%FOO bar\n---\nlog: {}", /^1 : take away the line that starts with `%`/],
    ["log: {}\n---\nlog: {}", /^2 : a second document/],
    ["log: {}\n...\nlog: {}", /^3 : a second document/],
    ["log:\n\tlevel: warn", /^2 : a tab cannot indent/],
    ["? [a, b]\n: c", /^1 : a key must be text/],
    ["? { a: b }\n: c", /^1 : a key must be text/],
    ['data: "a\\0b"', /^1 data: .*NUL/],
    ['data: "a\\ud800b"', /^1 data: .*half a character/],
    ['"a\\ud800": 1', /^1 .*half a character/],
    ["log: { level: warn", /^1 : the indentation .* or a bracket is open$/],
    ["data: 'x", /^1 : a quote, bracket/],
    ["data: @x", /^1 : a value cannot start/],
    ["log:\n  level: warn\n data: x", /^3 : the indentation/],
    ["- a\n- b", /^1 : the config must be a table of keys, not a list/],
    ["just text", /^1 : the config must be a table of keys, not text/],
  ];
  for (const [text, problem] of refused) assert.match((await problemsOf(t, text)).join("\n"), problem, text);
});

test("a number that is none, or that no double holds, is refused", async (t) => {
  for (const [written, message] of [
    ["1e999", "`queue` is too large, or not a number"],
    [".inf", "`queue` is too large, or not a number"],
    [".nan", "`queue` is too large, or not a number"],
    ["1.5", "`queue` must be a whole number"],
    ["9007199254740993", "this is too large"],
    ["1_000", "`queue` must be a number, not text"],
    ["-1", "this must be at least 0"],
  ]) {
    assert.deepEqual(await problemsOf(t, `limits: { queue: ${written} }`), [`1 limits.queue: ${message}`]);
  }
  assert.deepEqual(await problemsOf(t, "tools: { a: { effect: read, parameters: { maximum: .inf } } }"), [
    "1 tools.a.parameters.maximum: `maximum` is too large, or not a number",
  ]);
});

test("`__proto__` is refused everywhere, and other names of Object.prototype are names like any", async (t) => {
  for (const text of [
    "__proto__: { log: {} }",
    "tools:\n  __proto__: { effect: read }",
    "providers: { __proto__: { type: demo } }",
    "groups: { __proto__: [] }",
    "tools: { a: { effect: read, parameters: { __proto__: {} } } }",
    '"\\u005f_proto__": 1',
  ]) {
    assert.match((await problemsOf(t, text)).join(), /`__proto__` cannot be a name here/);
  }
  const { config } = await loaded(
    t,
    `providers: { constructor: { type: demo } }
groups: { constructor: [ana] }
tools: { constructor: { effect: write }, toString: { effect: write }, hasOwnProperty: { effect: write } }
sign_offs: { constructor: { approvers: ["group:constructor"] } }
models: [{ name: constructor, targets: [constructor/assistant] }]
applications: [{ name: constructor }]
prices: { constructor/assistant: { input: 0, output: 0 } }
`,
  );
  assert.deepEqual(Object.keys(config.tools), ["constructor", "toString", "hasOwnProperty"]);
  assert.deepEqual(Object.keys(config.sign_offs), ["constructor", "default"]);
});

test("neither alias bombs nor deep nesting nor many keys take time or throw", async (t) => {
  const bomb = Array.from({ length: 9 }, (_, at) =>
    at === 0
      ? "a0: &a0 [x, x]"
      : `a${at}: &a${at} [${Array(9)
          .fill(`*a${at - 1}`)
          .join(", ")}]`,
  );
  const deep: readonly (readonly [text: string, problem: RegExp])[] = [
    [bomb.join("\n"), /anchors/],
    ["- ".repeat(100_000), /^1 : the nesting is too deep$/],
    ["[".repeat(100_000), /^1 : the nesting is too deep$/],
    [`${"- ".repeat(80)}x`, /^1 : the nesting is deeper than 64$/],
    [
      `tools: { a: { effect: read, parameters: ${"{ a: ".repeat(70)}1${" }".repeat(70)} } }`,
      /^1 : the nesting is deeper/,
    ],
  ];
  for (const [text, problem] of deep) assert.match((await problemsOf(t, text)).join("\n"), problem);
  const began = performance.now();
  const many = `groups:\n${Array.from({ length: 20_000 }, (_, at) => `  g${at}: []`).join("\n")}\n  g7: []`;
  assert.match((await problemsOf(t, many)).join(), /^20002 groups\.g7: .*stands twice/);
  assert.ok(performance.now() - began < 15_000, "comparing every two keys would take far longer");
});

test("a syntax error tells nothing of the line that it is in", async (t) => {
  for (const text of [
    'api_key: "sk-live-\\q"',
    "api_key: sk-live: x",
    "api_key: *sk-live",
    "api_key: !sk-live x",
    "api_key: &sk-live x",
    "api_key: @sk-live",
    "api_key: 'sk-live",
    "%sk-live\n---\n",
    "\tapi_key: sk-live",
  ]) {
    assert.doesNotMatch((await problemsOf(t, text)).join(), /sk-live/, text);
  }
});

test("a place is the line of its key or entry, or of the nearest one above that is there", () => {
  const read = readYaml("# first\na:\n  b: >\n    long\n    text\n  c:\n\n    - x\n    - y:\n        1\n");
  assert.ok(read.ok);
  const document = read.value;
  assert.deepEqual(document.value, { a: { b: "long text\n", c: ["x", { y: 1 }] } });
  const places: readonly (readonly [path: readonly PropertyKey[], line: number])[] = [
    [["a"], 2],
    [["a", "b"], 3],
    [["a", "c"], 6],
    [["a", "c", 0], 8],
    [["a", "c", 1], 9],
    [["a", "c", 1, "y"], 9],
    [["a", "c", 7], 6],
    [["a", "missing", "deeper"], 2],
    [["a", "b", "deeper"], 3],
  ];
  for (const [path, line] of places) assert.equal(document.lineOf(path), line, path.join("."));
});
