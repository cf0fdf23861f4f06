// `policy explain` of what a real gateway recorded, from the gateway and from its data folder.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { Follower } from "./event-follower.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";

const binary = resolve(import.meta.dirname, "../../bin/portcullis");
let gateway: TestGateway;

before(async () => {
  gateway = await startGateway();
  const changed = gateway.hangUp("policies activated");
  appendFileSync(join(gateway.folder, "policies", "models.cedar"), rules);
  await changed;
});
after(() => gateway.close());

const rules = `
@id("no-mail-addresses")
@reason("leave e-mail addresses out")
forbid (principal, action == Portcullis::Action::"chat", resource)
when { context.labels.contains("pii.email") && context.hour >= 0 };

@id("from-the-office")
forbid (principal, action == Portcullis::Action::"embed", resource)
unless { context.source_address.isInRange(ip("10.0.0.0/8")) };

@id("tried-on-eve")
@mode("shadow")
forbid (principal, action == Portcullis::Action::"chat", resource)
when { context has user && context.user == "eve" };
`;

/** The call's id. */
async function ask(path: string, body: object): Promise<string> {
  const response = await fetch(`${gateway.url}/v1/${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${gateway.key}`,
      "content-type": "application/json",
      // Nobody signs anything off here.
      "x-portcullis-timeout": "0.01",
    },
    body: JSON.stringify({ model: "fast", ...body }),
  });
  await response.arrayBuffer();
  assert.doesNotMatch(JSON.stringify([...response.headers]), /tried-on-eve|shadow/);
  return response.headers.get("x-portcullis-call") ?? "";
}

const saying = (content: string) => ({ messages: [{ role: "user", content }] });

test("a denied call is explained with the clauses that held and the values they looked at", async () => {
  const call = await ask("chat/completions", saying("write to ana@example.com"));
  const { status, stdout, stderr } = gateway.cli("policy", "explain", call);
  assert.equal(status, 0, stderr);
  assert.match(stdout, / {2}decision {2}deny by no-mail-addresses\n/);
  assert.match(stdout, /evaluated by the revision on record, it gives the same/);
  assert.match(
    stdout,
    /forbid no-mail-addresses \(models\.cedar:\d+\): applies, and determines the outcome\n/,
  );
  assert.match(
    stdout,
    /true {2}context\.labels\.contains\("pii\.email"\) {2}\(context\.labels = \["pii\.email"\]\)\n/,
  );
  assert.match(stdout, /it would not apply if `context\.labels\.contains\("pii\.email"\)` did not hold, or/);
  assert.match(stdout, /without it, the outcome would be permit\n/);
});

test("an address that the record only commits to is shown where the gateway keeps it and it matches", async () => {
  const call = await ask("embeddings", { input: "x" });
  const kept = gateway.cli("policy", "explain", call);
  assert.match(kept.stdout, /\(context\.source_address = ip\("127\.0\.0\.1"\)\)/);
  assert.match(kept.stdout, /deny by from-the-office/);
  const { status, stdout } = spawnSync(binary, ["policy", "explain", call, "--data", gateway.folder], {
    encoding: "utf8",
  });
  assert.equal(status, 0);
  assert.match(stdout, /cannot be explained fully: policies look at `context\.source_address`/);
  assert.match(stdout, /context\.source_address: it is not recorded, only committed to/);
  assert.doesNotMatch(stdout, /127\.0\.0\.1/);
});

test("a tool call that waits is explained by its entry, and what a shadow would do by the call's", async () => {
  const call = await ask("chat/completions", {
    ...saying("send_email to ana please"),
    user: "eve",
    tools: [{ type: "function", function: { name: "send_email", parameters: { type: "object" } } }],
  });
  const { stdout } = gateway.cli("policy", "explain", call, "--json");
  const [decided, action] = JSON.parse(stdout);
  assert.deepEqual([decided.recorded.decision, decided.recorded.shadow.decision], ["permit", "deny"]);
  assert.equal(decided.unknown[0].fact, "user");
  assert.deepEqual(
    [action.type, action.recorded.decision, action.replay],
    ["action.decided", "hold", "same"],
  );
  for (const name of [action.id, String(action.index)]) {
    const one = gateway.cli("policy", "explain", name);
    assert.match(one.stdout, /hold until signed off by default by portcullis\/floor/);
    assert.match(one.stdout, /forbid portcullis\/floor \(built in\): applies, and determines the outcome/);
    assert.match(one.stdout, /context\.signed_off = false/);
    assert.doesNotMatch(one.stdout, /call\.decided/);
  }
  assert.match(gateway.cli("audit", "show", call).stdout, / {2}shadow\.policies\.ids +tried-on-eve\n/);
});

test("what was signed off and released is explained with the sign-offs that it was released with", async () => {
  const follower = new Follower(gateway);
  await follower.next();
  const answered = fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "fast",
      ...saying("send_email to ben please"),
      tools: [{ type: "function", function: { name: "send_email", parameters: { type: "object" } } }],
    }),
  });
  const [requested, { id, digest }] = await follower.next();
  assert.equal(requested, "approval.requested");
  await follower.stop();
  const approved = gateway.cli("approvals", "approve", id, "--digest", digest, "--yes");
  assert.equal(approved.status, 0, approved.stdout + approved.stderr);
  const response = await answered;
  assert.match(await response.text(), /"tool_calls":\[/);
  const call = response.headers.get("x-portcullis-call") ?? "";
  const { status, stdout } = gateway.cli("policy", "explain", call);
  assert.equal(status, 0, stdout);
  assert.match(stdout, /call_tool `send_email`: permit, with what was signed off \(default\)\n/);
  assert.doesNotMatch(stdout, /NOT give/);
});

test("a call is explained by the policies of then, whatever the folder says now", async () => {
  const call = await ask("chat/completions", saying("again to bob@example.com"));
  const changed = gateway.hangUp("policies activated");
  writeFileSync(
    join(gateway.folder, "policies", "models.cedar"),
    '@id("all") permit (principal, action, resource);\n',
  );
  await changed;
  const { status, stdout } = gateway.cli("policy", "explain", call);
  assert.equal(status, 0);
  assert.match(stdout, /deny by no-mail-addresses/);
  assert.match(stdout, /it gives the same/);
});

test("what is kept of a revision and was changed explains nothing", async () => {
  const call = await ask("chat/completions", saying("hello"));
  const copy = testFolder();
  try {
    cpSync(join(gateway.folder, "data"), copy, { recursive: true });
    const database = new DatabaseSync(join(copy, "portcullis.db"));
    database.exec("UPDATE policy_revisions SET content = replace(content, 'permit', 'forbid')");
    database.close();
    const { status, stdout } = spawnSync(binary, ["policy", "explain", call, "--data", copy], {
      encoding: "utf8",
    });
    assert.equal(status, 0);
    assert.match(stdout, /what is kept of the revision is not what its hash says/);
  } finally {
    rmSync(copy, { recursive: true });
  }
});

test("a tool call that a rule about an argument has denied is explained with the argument, by the gateway that keeps it", async () => {
  const parameters = { type: "object", properties: { to: { type: "string" } } };
  const typed = await startGateway(
    testFolder({
      "portcullis.yaml": JSON.stringify({
        providers: { demo: { type: "demo" } },
        models: [{ name: "fast", targets: ["demo/assistant"] }],
        groups: { operators: ["owner@localhost"] },
        tools: { send_email: { effect: "write", parameters } },
        applications: [{ name: "assistant", payloads: "request" }],
      }),
    }),
  );
  try {
    const changed = typed.hangUp("policies activated");
    appendFileSync(
      join(typed.folder, "policies", "tools.cedar"),
      `@id("not-here") forbid (principal, action == Portcullis::Action::"send_email", resource)
when { context.arguments has to && context.arguments.to like "*" };\n`,
    );
    await changed;
    const response = await fetch(`${typed.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${typed.key}`, "content-type": "application/json" },
      body: JSON.stringify({
        model: "fast",
        ...saying("send_email to ana please"),
        tools: [{ type: "function", function: { name: "send_email", parameters } }],
      }),
    });
    assert.match(await response.text(), /not-here/);
    const call = response.headers.get("x-portcullis-call") ?? "";
    const { status, stdout, stderr } = typed.cli("policy", "explain", call);
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /deny by not-here/);
    assert.match(stdout, /\(context\.arguments\.to = "[^"]+"\)/);
    assert.match(stdout, /it gives the same/);
    const folder = ["policy", "explain", call, "--data", typed.folder];
    const offline = spawnSync(binary, folder, { encoding: "utf8" });
    assert.match(offline.stdout, /context\.arguments: it is not recorded, only committed to/);
    assert.match(offline.stdout, /policies look at `context\.arguments`, which is not known/);
  } finally {
    await typed.close();
  }
});

test("names of what decides nothing, or is not there, are refused", () => {
  for (const [name, message] of [
    ["0", /entry 0 is a `log\.created`, which decides nothing/],
    ["999999", /there is no entry `999999`/],
    ["call_01939f6e-3c2b-7d10-8a53-0d4c5f6a7b8c", /there is no decision of `call_01939f6e/],
    ["call_x", /a call is named/],
  ] as const) {
    const { status, stderr } = gateway.cli("policy", "explain", name);
    assert.equal(status, 1, stderr);
    assert.match(stderr, message);
  }
  const { status, stderr } = spawnSync(binary, ["policy", "explain", "0", "--data", "nowhere"], {
    encoding: "utf8",
  });
  assert.equal(status, 2);
  assert.match(stderr, /there is no database in `nowhere`/);
});
