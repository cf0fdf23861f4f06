// `portcullis tools` from the command line, and what it pins at the gate.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { writeStarter } from "../../src/config/starter.ts";
import { startGateway, testFolder } from "./test-gateway.ts";

const root = resolve(import.meta.dirname, "../..");
const weather = {
  name: "get_weather",
  description: "The weather of a city",
  parameters: {
    type: "object",
    properties: { city: { type: "string" }, days: { type: "number" } },
    required: ["city"],
  },
};
const request = {
  model: "fast",
  messages: [{ role: "user", content: "get_weather in Bern" }],
  tools: [{ type: "function", function: weather }],
};

async function started(t: TestContext): Promise<string> {
  const folder = testFolder({ "request.json": JSON.stringify(request) });
  t.after(() => rm(folder, { recursive: true }));
  await writeStarter(folder, join(root, "policies"));
  return folder;
}

function tools(folder: string, args: readonly string[], input = "") {
  return spawnSync(join(root, "bin/portcullis"), ["tools", ...args, "--dir", folder], {
    cwd: folder,
    input,
    encoding: "utf8",
  });
}

const pin = ["pin", "get_weather", "--from", "request.json"];

test("a read is pinned from a request, keeping the file's comments and mode, and once is enough", async (t) => {
  const folder = await started(t);
  const file = join(folder, "portcullis.yaml");
  chmodSync(file, 0o640);
  const before = readFileSync(file, "utf8");
  const { status, stdout, stderr } = tools(folder, [...pin, "--effect", "read"]);
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /^pinned get_weather as read in portcullis\.yaml\n {2}digest {5}sha256:[0-9a-f]{64}\n/,
  );
  const after = readFileSync(file, "utf8");
  assert.equal(
    after.replace(/ {2}get_weather:\n {4}effect: read\n {4}digest: sha256:[0-9a-f]{64}\n/, ""),
    before,
  );
  assert.equal(statSync(file).mode & 0o777, 0o640);
  const again = tools(folder, pin);
  assert.equal(again.status, 0);
  assert.match(again.stdout, /^already pinned: get_weather as read/);
  assert.equal(readFileSync(file, "utf8"), after);
  const listed = tools(folder, ["list"]);
  assert.match(listed.stdout, /^send_email +write +no +not seen by policies +-$/m);
  assert.match(listed.stdout, /^get_weather +read +sha256:[0-9a-f]{12}… +not seen by policies +-$/m);
});

test("with its parameters policies see the arguments, and what they cannot look at is told", async (t) => {
  const folder = await started(t);
  const { stdout } = tools(folder, [...pin, "--effect", "read", "--parameters"]);
  assert.match(stdout, /arguments {2}seen, save days\n {2}denied {5}calls that give `days`: it is a number/);
  const [, tool] = JSON.parse(tools(folder, ["list", "--json"]).stdout);
  assert.deepEqual(
    [tool.name, tool.effect, tool.counts_as, tool.typed, tool.opaque],
    ["get_weather", "read", "read", true, [{ path: "days", what: "a number that need not be whole" }]],
  );
  // The parameters are the entry's now: a new pin brings its own.
  const whole = { ...weather, parameters: { type: "object", properties: {} } };
  const { digest, typed, opaque, changed } = JSON.parse(
    tools(folder, ["pin", "get_weather", "--from", "-", "--json"], JSON.stringify([whole])).stdout,
  );
  assert.match(digest, /^sha256:/);
  assert.deepEqual([typed, opaque, changed], [true, [], true]);
  assert.match(
    readFileSync(join(folder, "portcullis.yaml"), "utf8"),
    /\n {6}type: object\n {6}properties: \{\}\n/,
  );
  assert.equal(spawnSync(join(root, "bin/portcullis"), ["check", "--dir", folder]).status, 0);
});

test("what cannot be pinned is said to be, and the file stays as it is", async (t) => {
  const folder = await started(t);
  writeFileSync(join(folder, "two.json"), JSON.stringify([weather, { ...weather, description: "x" }]));
  writeFileSync(join(folder, "bad.json"), '{"name":"a","name":"b"}');
  writeFileSync(
    join(folder, "bare.json"),
    JSON.stringify([{ name: "chat" }, { name: "send_email" }, { name: "n".repeat(129) }]),
  );
  const before = readFileSync(join(folder, "portcullis.yaml"), "utf8");
  const read = ["--effect", "read"];
  for (const [args, code, message] of [
    [
      ["pin", "get_weather", "--from", "request.json"],
      2,
      /does not know `get_weather` yet; say what it does/,
    ],
    [
      ["pin", "weather", "--from", "request.json", ...read],
      1,
      /does not define `weather`; it defines `get_weather`/,
    ],
    [["pin", "get_weather", "--from", "two.json", ...read], 1, /defines `get_weather` in several ways/],
    [
      ["pin", "a", "--from", "bad.json", ...read],
      2,
      /`bad\.json`: this is not JSON that can be read in one way/,
    ],
    [["pin", "a", "--from", "nowhere.json", ...read], 2, /`nowhere\.json` cannot be read \(ENOENT\)/],
    [["pin", "chat", "--from", "bare.json", ...read], 1, /`chat` has the name of a built-in action/],
    [
      ["pin", "n".repeat(129), "--from", "bare.json", ...read],
      1,
      /would not load any more: .*longer than 128/,
    ],
    [["pin", "send_email", "--from", "bare.json", "--parameters"], 1, /states no `parameters`/],
    [["pin", "send_email", "--from", "bare.json", "--effect", "reads"], 2, /Allowed choices are read, write/],
    [["pin", "send_email"], 2, /required option '--from <file>'/],
    [["list", "--config", "nowhere.yaml"], 2, /there is no such file/],
  ] as const) {
    const { status, stderr } = tools(folder, args);
    assert.equal(status, code, `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, message);
  }
  assert.equal(readFileSync(join(folder, "portcullis.yaml"), "utf8"), before);
  assert.match(tools(folder, ["pin", "--help"]).stdout, /Example:\n {2}portcullis audit show .* tools pin/);
});

test("a tool pinned from a recorded call counts as a read from then on, and as a write again when it has drifted", async () => {
  const gateway = await startGateway(
    testFolder({
      "portcullis.yaml": `providers: { demo: { type: demo } }
models: [{ name: fast, targets: [demo/assistant] }]
groups: { operators: [owner@localhost] }
applications: [{ name: assistant, payloads: request }]
`,
    }),
  );
  const ask = async (body: object): Promise<Response> => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    await response.arrayBuffer();
    return response;
  };
  try {
    const changed = gateway.hangUp("policies activated");
    appendFileSync(
      join(gateway.folder, "policies", "tools.cedar"),
      `@id("reads-only") forbid (principal, action in Portcullis::Action::"call_tool", resource)
unless { context.effect == "read" };\n`,
    );
    await changed;
    const denied = await ask(request);
    assert.equal(denied.status, 403);
    const call = denied.headers.get("x-portcullis-call") ?? "";
    const shown = gateway.cli("audit", "show", call, "--json");
    assert.equal(shown.status, 0, shown.stderr);
    const from = ["pin", "get_weather", "--effect", "read", "--from", "-"];
    const pinned = tools(gateway.folder, from, shown.stdout);
    assert.equal(pinned.status, 0, pinned.stderr);
    await gateway.hangUp("the changed config is in force");
    assert.equal((await ask(request)).status, 200);
    const drifted = { ...weather, description: "The weather, and an umbrella" };
    assert.equal((await ask({ ...request, tools: [{ type: "function", function: drifted }] })).status, 403);
  } finally {
    await gateway.close();
  }
});
