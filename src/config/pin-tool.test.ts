import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type PinnedTool, pinTool } from "./pin-tool.ts";
import { readYaml } from "./yaml-document.ts";

const digest = `sha256:${"ab".repeat(32)}`;
const read: PinnedTool = { effect: "read", digest };
const parameters = { type: "object", properties: { to: { type: "string", description: "who: to\nwhom" } } };

function pinned(text: string, tool: PinnedTool = read, name = "get_weather"): string {
  const result = pinTool(text, name, tool);
  assert.ok(result.ok, result.ok ? "" : result.failure);
  return result.value;
}

test("an entry that is there gets its digest beside its effect, and every comment and line around it stays", () => {
  const text = `# head
tools: # the catalog

  send_email:   # mail
    effect: write # it writes

  get_weather:
    # it only looks
    effect: write   # for now
    unattended: "because"   # why
    # digest: later

  # next
  other: { effect: read }   # flow
applications: []
`;
  assert.equal(
    pinned(text),
    text.replace("effect: write   # for now", `effect: read   # for now\n    digest: ${digest}`),
  );
});

test("a digest that is there is replaced, whatever quotes it has, and what is pinned already changes nothing", () => {
  for (const quoted of [
    `"sha256:${"0".repeat(64)}"`,
    `'sha256:${"0".repeat(64)}'`,
    `sha256:${"0".repeat(64)}`,
  ]) {
    const text = `tools:\n  get_weather:\n    digest: ${quoted} # old\n    effect: read\n`;
    const after = pinned(text);
    assert.equal(after, `tools:\n  get_weather:\n    digest: ${digest} # old\n    effect: read\n`);
    assert.equal(pinned(after), after);
  }
});

test("a tool that is not there yet comes last, indented like the others; so does a catalog that is not there", () => {
  const entry = (indent: string): string =>
    `${indent}get_weather:\n${indent}  effect: read\n${indent}  digest: ${digest}\n`;
  for (const [text, expected] of [
    [
      "tools:\n    a:\n        effect: write\nb: 1\n",
      `tools:\n    a:\n        effect: write\n${entry("    ")}b: 1\n`,
    ],
    ["tools:\n  a: { effect: write } # x\n", `tools:\n  a: { effect: write } # x\n${entry("  ")}`],
    ["a: 1 # x\n", `a: 1 # x\n\ntools:\n${entry("  ")}`],
    ["a: 1", `a: 1\n\ntools:\n${entry("  ")}`.trimEnd()],
    ["a: 1\ntools:\nb: 2\n", `a: 1\ntools:\n${entry("  ")}b: 2\n`],
    ["a: |\n  text\n\n  more\n", `a: |\n  text\n\n  more\n\ntools:\n${entry("  ")}`],
  ] as const) {
    assert.equal(pinned(text), expected, text);
  }
});

test("line ends, flow style and JSON stay what they are", () => {
  assert.equal(
    pinned("tools:\r\n  get_weather:\r\n    effect: read # x\r\nb: 1\r\n"),
    `tools:\r\n  get_weather:\r\n    effect: read # x\r\n    digest: ${digest}\r\nb: 1\r\n`,
  );
  assert.equal(
    pinned("tools:\n  get_weather: { effect: read, unattended: x } # c\n"),
    `tools:\n  get_weather: { effect: read, unattended: x, "digest": "${digest}" } # c\n`,
  );
  const json = { a: [1], tools: { other: { effect: "write" } } };
  assert.deepEqual(JSON.parse(pinned(JSON.stringify(json, null, 2))), {
    ...json,
    tools: { ...json.tools, get_weather: { effect: "read", digest } },
  });
  assert.deepEqual(JSON.parse(pinned("{}")), { tools: { get_weather: { effect: "read", digest } } });
});

test("parameters are written out, and in place of those that were there", () => {
  const text =
    "tools:\n  get_weather:\n    effect: read\n    parameters:\n      type: object\n      properties: {}\n    # tail\n  b: { effect: write }\n";
  const after = pinned(text, { ...read, parameters });
  assert.match(after, /\n {4}parameters:\n {6}type: object\n {6}properties:\n {8}to:\n/);
  assert.match(after, /\n {4}# tail\n {2}b: \{ effect: write \}\n$/);
  assert.deepEqual(pinned(after, { ...read, parameters }), after);
});

test("names and schemas of any kind come back as they were, and everything else in the file too", () => {
  const odd = fc.constantFrom(
    "a",
    "true",
    "null",
    "1",
    "a b",
    "é: #",
    "'",
    '"',
    "{",
    "- x",
    "",
    "a\nb",
    " lead",
    "~",
    "0x1",
  );
  const json = fc.jsonValue({ maxDepth: 3 });
  const refused = /"(?:<<|__proto__)":/;
  const layout = fc.constantFrom(
    "tools: {}\n",
    "a: 1\n",
    "tools:\n  x: { effect: read }\n  # end\n",
    "tools:\n  x:\n    effect: read\n    parameters: { a: [1, 2] }\n\n\nb: [1]\n",
    "{ tools: { x: { effect: read } } }",
    "tools: { x: { effect: read, }, }\nb: |\n  text\n",
    "b: >-\n  folded\n  text\ntools:\n  'a': { effect: read, digest: old }\n",
  );
  fc.assert(
    fc.property(layout, odd, json, (text, name, schema) => {
      const data = (yaml: string): Record<string, unknown> => {
        const result = readYaml(yaml);
        assert.ok(result.ok);
        return Object(result.value.value);
      };
      const before = data(text);
      const result = pinTool(text, name, { ...read, parameters: schema });
      // Of keys that a config refuses wherever they stand.
      if (refused.test(JSON.stringify(schema))) {
        assert.match(result.ok ? "" : result.failure, /^no config can hold it: /);
        return;
      }
      if (!result.ok) assert.fail(`${JSON.stringify([text, name, schema])}: ${result.failure}`);
      const after = data(result.value);
      const tools = Object(before["tools"]);
      const known = Object.hasOwn(tools, name) ? tools[name] : {};
      assert.deepEqual(after, {
        ...before,
        tools: {
          ...tools,
          [name]: { ...known, effect: "read", digest, parameters: JSON.parse(JSON.stringify(schema)) },
        },
      });
    }),
    { numRuns: 500 },
  );
});

test("what cannot be written without changing more is told, with what to write", () => {
  const result = pinTool("[1]\n", "get_weather", read);
  assert.match(
    result.ok ? "" : result.failure,
    /write under `tools:`\n\nget_weather:\n {2}effect: read\n {2}digest: sha256:/,
  );
});
