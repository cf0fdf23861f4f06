// People with tokens of their own, as they meet a gateway: by its command line and its admin API.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { skipWithoutPostgres, startCluster } from "../../src/storage/postgres/cluster.test-support.ts";
import { adminBench, asOperator } from "./admin-bench.ts";
import { startReplicas } from "./replicas.ts";
import { scriptedUpstream } from "./scripted-upstream.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

const command = resolve(import.meta.dirname, "../../bin/portcullis");

const config = (finance: string, more = ""): string => `${more}providers:
  demo: { type: demo }
groups:
  finance: [${finance}]
  operators: [owner@localhost]
sign_offs:
  payments: { approvers: ["group:finance"] }
applications:
  - { name: assistant }
`;

/** The command line of somebody elsewhere, who has an address and a token. */
function as(token: string, gateway: Pick<TestGateway, "url">, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(command, [...args], {
    encoding: "utf8",
    cwd: "/",
    env: { ...process.env, PORTCULLIS_URL: gateway.url, PORTCULLIS_TOKEN: token },
  });
  return { status, stdout, stderr };
}

async function knows(gateway: TestGateway, token: string): Promise<boolean> {
  let status = 0;
  // Under load a gateway may not have looked for a while at what others have changed, and says so.
  await eventually(async () => {
    ({ status } = await asOperator(gateway.url, token)("GET", "/usage"));
    return status !== 503;
  });
  assert.ok(status === 200 || status === 401, String(status));
  return status === 200;
}

function invite(gateway: TestGateway, name: string, ...more: readonly string[]): string {
  const { status, stdout, stderr } = gateway.cli("operators", "invite", name, "--json", ...more);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout).token;
}

async function running(t: TestContext, text: string): Promise<TestGateway> {
  const gateway = await startGateway(testFolder({ "portcullis.yaml": text }));
  t.after(() => gateway.kill());
  t.after(() => rmSync(gateway.folder, { recursive: true, force: true }));
  return gateway;
}

test("two people work with tokens of their own, until they are removed or invited again", async (t) => {
  const gateway = await running(t, config("ana@example.com, ben@example.com"));
  const nobody = gateway.cli("operators", "list");
  assert.match(
    nobody.stdout,
    /nobody is invited yet[\s\S]*own token \(owner@localhost\) votes until a person/,
  );
  assert.deepEqual(JSON.parse(gateway.cli("operators", "list", "--json").stdout), []);

  const shown = gateway.cli("operators", "invite", "Ana@example.com");
  assert.deepEqual([shown.status, shown.stderr], [0, ""]);
  assert.match(shown.stdout, /^ana@example\.com\npco_[\w-]{43}\nthis token is shown once/);
  const ana = /pco_[\w-]+/.exec(shown.stdout)?.[0] ?? "";
  const ben = invite(gateway, "ben@example.com", "--expires", "30d");

  for (const token of [ana, ben]) {
    assert.equal(await knows(gateway, token), true);
    const { stdout } = as(token, gateway, "operators", "list");
    assert.match(stdout, /ana@example\.com +active +pco_\S+ +finance +payments/);
    assert.match(stdout, /ben@example\.com +expires +pco_\S+ +finance +payments/);
    assert.match(stdout, /own token \(owner@localhost\) gives no vote: people have been invited/);
    for (const secret of [ana, ben]) assert.ok(!stdout.includes(secret));
  }
  const wrong = as(`${ana}x`, gateway, "audit", "list");
  assert.equal(wrong.status, 2);
  assert.match(
    wrong.stderr,
    /does not know the token of PORTCULLIS_URL and PORTCULLIS_TOKEN, or it has ended/,
  );

  const again = invite(gateway, "ana@example.com");
  assert.equal(await knows(gateway, ana), false);
  assert.equal(await knows(gateway, again), true);
  assert.equal(gateway.cli("operators", "remove", "BEN@example.com").stdout, "removed ben@example.com\n");
  assert.equal(await knows(gateway, ben), false);
  const twice = gateway.cli("operators", "remove", "ben@example.com");
  assert.deepEqual(
    [twice.status, /no operator `ben@example\.com` is enrolled/.test(twice.stderr)],
    [1, true],
  );

  // Who is who outlives the gateway, however it ends.
  await gateway.kill();
  const next = await startGateway(gateway.folder);
  t.after(() => next.kill());
  assert.equal(await knows(next, again), true);
  for (const ended of [ana, ben]) assert.equal(await knows(next, ended), false);

  const trail = await readTrail(next);
  const [invited, removed] = [leavesOf(trail, "operator.invited"), leavesOf(trail, "operator.removed")];
  assert.deepEqual([invited.length, removed.length], [3, 1]);
  const [first, second, third] = invited;
  assert.equal(first?.operator, third?.operator);
  assert.equal(second?.operator, removed[0]?.operator);
  assert.notEqual(first?.operator, second?.operator);
  assert.deepEqual(
    invited.map(({ expires }) => expires !== null),
    [false, true, false],
  );
  await next.stop();
});

test("a person may do what the gateway's own token may, save letting others in and changing keys and secrets", async (t) => {
  const gateway = await running(t, config("ana@example.com"));
  const ana = invite(gateway, "ana@example.com");
  const made = gateway.cli("keys", "create", "--application", "assistant", "--json");
  const { id } = JSON.parse(made.stdout);
  for (const args of [
    ["operators", "invite", "eve@example.com"],
    ["operators", "remove", "ana@example.com"],
    ["keys", "revoke", id],
    ["secrets", "destroy", "providers/openai"],
  ]) {
    const refused = as(ana, gateway, ...args);
    assert.deepEqual([refused.status, refused.stdout], [1, ""], args.join(" "));
    assert.match(
      refused.stderr,
      /^`ana@example\.com` may not change operators, keys and secrets; only the gateway/,
    );
  }
  const types = (await readTrail(gateway)).map(({ type }) => type);
  assert.deepEqual(
    types.filter((type) => /^(?:key|secret|operator)\./.test(type)),
    ["key.created", "operator.invited", "key.created"],
  );
  assert.match(as(ana, gateway, "audit", "list").stdout, /operator\.invited/);
  await gateway.stop();
});

test("every route of the admin API that makes or ends what opens doors is closed to people, before its body is read", async (t) => {
  const bench = await adminBench(t);
  const owner = asOperator(bench.url);
  const invited = await owner("POST", "/operators", { name: "ana@example.com" });
  assert.equal(invited.status, 201);
  const ana = asOperator(bench.url, invited.json.token);
  // Deciding on approvals is what people are let in for.
  const changing = bench.routes.filter(
    ({ method, url }) => method !== "GET" && method !== "HEAD" && !url.startsWith("/api/approvals"),
  );
  assert.ok(changing.length >= 7);
  for (const { method, url } of changing) {
    const path = url.replace(/^\/api/, "").replace(/\*|:\w+/, "some");
    const { status, json } = await ana(method, path, method === "DELETE" ? undefined : "{");
    assert.deepEqual([status, json.error.code], [403, "forbidden"], `${method} ${url}`);
  }
  for (const { url } of bench.routes.filter(
    ({ method, url: path }) => method === "GET" && !/[:*]/.test(path) && path !== "/api/events",
  ))
    assert.equal((await ana("GET", url.replace(/^\/api/, ""))).status, 200, url);
});

test("while nobody can tell what others have changed no person's token counts, and the gateway's own does", async (t) => {
  const bench = await adminBench(t);
  const owner = asOperator(bench.url);
  const { json } = await owner("POST", "/operators", { name: "ana@example.com" });
  bench.current.is = false;
  for (const token of [json.token, `${json.token}x`]) {
    const refused = await asOperator(bench.url, token)("GET", "/usage");
    assert.deepEqual([refused.status, refused.json.error.code], [503, "unavailable"]);
  }
  assert.equal((await owner("GET", "/usage")).status, 200);
  assert.equal((await asOperator(bench.url, "pcl_other")("GET", "/usage")).status, 401);
  bench.current.is = true;
  assert.equal((await asOperator(bench.url, json.token)("GET", "/usage")).status, 200);
});

test("names of any length and kind are taken or refused in words, and removed by what they were invited by", async (t) => {
  const bench = await adminBench(t);
  const owner = asOperator(bench.url);
  const long = `${"a".repeat(250)}@x.y`;
  for (const name of [long, "a/b?c#d%20e@example.com", "zoë@bücher.example"]) {
    assert.equal((await owner("POST", "/operators", { name })).status, 201, name);
    const removed = await owner("DELETE", `/operators/${encodeURIComponent(name)}`);
    assert.deepEqual([removed.status, removed.json.name, removed.json.state], [200, name, "removed"]);
  }
  for (const [body, problem] of [
    [{ name: `a${long}` }, /body `name`/],
    [{ name: "ana" }, /no e-mail address/],
    [{ name: "group:finance" }, /no e-mail address/],
    [{ name: "owner@localhost" }, /cannot be invited/],
    [{ name: "a@b", expires: "30" }, /write a duration with its unit/],
    [{ name: "a@b", expires: 30 }, /write a duration with its unit/],
    [{ name: "a@b", expires: "366d" }, /write 1ms to 365d/],
    [{ name: "a@b", role: "admin" }, /role/],
  ] as const) {
    const refused = await owner("POST", "/operators", body);
    assert.deepEqual(
      [refused.status, refused.json.error.code],
      [400, "invalid_request"],
      JSON.stringify(body),
    );
    assert.match(refused.json.error.message, problem);
  }
  assert.equal((await owner("DELETE", "/operators/stranger@example.com")).status, 404);
  assert.equal((await owner("DELETE", "/operators/owner@localhost")).status, 404);
});

test("fifty invitations of one person at once leave one token that is good", async (t) => {
  const bench = await adminBench(t);
  const owner = asOperator(bench.url);
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => owner("POST", "/operators", { name: "ana@example.com" })),
  );
  const made = answers.filter(({ status }) => status === 201);
  for (const { status } of answers) assert.ok(status === 201 || status === 409);
  const good = await Promise.all(
    made.map(async ({ json }) => (await asOperator(bench.url, json.token)("GET", "/usage")).status === 200),
  );
  assert.equal(good.filter((one) => one).length, 1);
  const trail = await bench.storage.log.read(0, 1_000);
  const recorded = trail.filter(({ leaf }) => Buffer.from(leaf).includes('"operator.invited"'));
  assert.equal(recorded.length, made.length);
});

test("a token that has expired is no token, and a row that was put back none either", async (t) => {
  const bench = await adminBench(t);
  const owner = asOperator(bench.url);
  const expiring = await owner("POST", "/operators", { name: "ana@example.com", expires: "1ms" });
  assert.notEqual(expiring.json.expires, null);
  assert.equal((await asOperator(bench.url, expiring.json.token)("GET", "/usage")).status, 401);
  const [listed] = (await owner("GET", "/operators")).json.operators;
  assert.equal(listed.state, "expired");

  const { json } = await owner("POST", "/operators", { name: "ben@example.com" });
  bench.tamper("CREATE TABLE before AS SELECT * FROM operator_tokens");
  assert.equal((await owner("DELETE", "/operators/ben@example.com")).status, 200);
  bench.tamper("REPLACE INTO operator_tokens SELECT * FROM before");
  const after = (await owner("GET", "/operators")).json.operators;
  assert.deepEqual(
    after.map(({ state }: { state: string }) => state),
    ["expired", "damaged"],
  );
  assert.equal((await asOperator(bench.url, json.token)("GET", "/usage")).status, 401);
  assert.match(
    bench.faults
      .splice(0)
      .map(({ message }) => message)
      .join(),
    /^op_\S+ is damaged$/,
  );
  bench.tamper("DELETE FROM operator_tokens");
  bench.tamper("DELETE FROM bootstrap_vote");
  const { own_token: own } = (await owner("GET", "/operators")).json;
  assert.deepEqual([own.votes, own.reason], [false, "people have been invited, and they vote"]);
});

test("groups and sign-offs are those of the config in force, and a name that no list has is warned of", async (t) => {
  const gateway = await running(t, config("ben@example.com"));
  const alone = gateway.cli("operators", "invite", "ana@example.com", "--json");
  assert.equal(alone.status, 0);
  assert.match(
    alone.stderr,
    /ana@example\.com is in no group and may give no sign-off; add them to `groups`/,
  );
  assert.deepEqual([JSON.parse(alone.stdout).groups, JSON.parse(alone.stdout).sign_offs], [[], []]);
  writeFileSync(join(gateway.folder, "portcullis.yaml"), config("ben@example.com, Ana@Example.com"));
  await gateway.hangUp("the changed config is in force");
  const [ana] = JSON.parse(gateway.cli("operators", "list", "--json").stdout);
  assert.deepEqual([ana.groups, ana.sign_offs], [["finance"], ["payments"]]);
  await gateway.stop();
});

test("the gateway's own token gives no vote from before the first byte leaves for a provider, and never again", async (t) => {
  let ended: boolean | null = null;
  let folder = "";
  const upstream = await scriptedUpstream((response) => {
    ended ??= existsSync(join(folder, "keys", "bootstrap-vote-ended"));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      '{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}',
    );
  });
  t.after(() => upstream.close());
  const gateway = await running(
    t,
    config("ana@example.com").replace(
      "providers:\n",
      `providers:\n  up: { type: openai, base_url: "${upstream.baseUrl}" }\n`,
    ),
  );
  folder = gateway.folder;
  const ask = async (model: string): Promise<number> => {
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
      body: JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] }),
    });
    await answer.text();
    return answer.status;
  };
  const own = (one: TestGateway): string => one.cli("operators", "list").stdout;
  assert.equal(await ask("demo/assistant"), 200);
  assert.match(own(gateway), /own token \(owner@localhost\) votes until/, "configured is not used");
  assert.equal(await ask("up/m"), 200);
  assert.equal(ended, true);
  const told = /gives no vote: another provider than the demo model has been used; invite who is to vote/;
  assert.match(own(gateway), told);
  await gateway.kill();
  // Nor when the provider is called otherwise or is gone from the config.
  writeFileSync(join(folder, "portcullis.yaml"), config("ana@example.com"));
  const next = await startGateway(folder);
  t.after(() => next.kill());
  assert.match(own(next), told);
  assert.equal(readFileSync(join(folder, "keys", "bootstrap-vote-ended"), "utf8"), "provider_used\n");
  await next.stop();
});

test("two gateways on one database", skipWithoutPostgres(), async (t) => {
  const cluster = await startCluster();
  t.after(() => cluster.close());
  const database = `database: "${cluster.url(await cluster.newDatabase())}"\n`;
  const { first, second } = await startReplicas(config("ana@example.com, ben@example.com", database));
  t.after(() => Promise.all([first.kill(), second.kill()]));

  const votes = (gateway: TestGateway): boolean =>
    / votes until /.test(gateway.cli("operators", "list").stdout);
  assert.deepEqual([votes(first), votes(second)], [true, true]);
  const ana = invite(first, "ana@example.com");
  assert.deepEqual([votes(first), votes(second)], [false, false]);
  await eventually(() => knows(second, ana));

  const again = invite(second, "ana@example.com");
  await eventually(async () => !(await knows(first, ana)) && (await knows(first, again)));
  const ben = invite(second, "ben@example.com");
  await eventually(() => knows(first, ben));
  assert.equal(first.cli("operators", "remove", "ana@example.com").status, 0);
  await eventually(async () => !(await knows(second, again)));
  assert.equal(await knows(second, ben), true);
  for (const gateway of [first, second]) {
    assert.doesNotMatch(gateway.cli("operators", "list").stdout, /damaged/);
    assert.ok(existsSync(join(gateway.folder, "keys", "bootstrap-vote-ended")));
  }
  await first.close();
  await second.close();
});

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (const until = Date.now() + 20_000; ; await new Promise((next) => setTimeout(next, 50))) {
    if (await holds()) return;
    assert.ok(Date.now() < until, "it did not come about");
  }
}
