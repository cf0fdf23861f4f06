// `doctor` on real folders, beside a real gateway and without one: each thing that is broken is found, with what to do.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { without } from "./needs.ts";
import { scriptedUpstream } from "./scripted-upstream.ts";
import { startGateway, testFolder } from "./test-gateway.ts";

const command = resolve(import.meta.dirname, "../../bin/portcullis");

interface Found {
  readonly check: string;
  readonly state: string;
  readonly says: string;
  readonly advice: string | null;
}

async function doctor(folder: string, ...options: readonly string[]) {
  // Not in step with this process: it may be asked for an answer.
  const child = spawn(command, ["doctor", "--dir", folder, "--json", ...options]);
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  const ran = { status, stdout, stderr };
  const { ok, findings }: { ok: boolean; findings: readonly Found[] } = JSON.parse(ran.stdout);
  assert.equal(ran.status, ok ? 0 : 1, ran.stdout + ran.stderr);
  for (const { state, advice, says } of findings)
    assert.equal(advice !== null, state === "problem" || state === "warning", says);
  return {
    ok,
    findings,
    of: (check: string): Found => {
      const found = findings.find((one) => one.check === check);
      assert.ok(found !== undefined, `${check} in ${ran.stdout}`);
      return found;
    },
  };
}

/** What is a problem there, by the names of the checks. */
async function problems(folder: string): Promise<readonly string[]> {
  const { findings } = await doctor(folder);
  return findings.flatMap(({ check, state }) => (state === "problem" ? [check] : []));
}

function ownFolder(t: TestContext, files: Readonly<Record<string, string>> = {}): string {
  const folder = testFolder(files);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("a sound gateway is found sound while it runs, and after it", async (t) => {
  const folder = ownFolder(t);
  const gateway = await startGateway(folder);
  t.after(() => gateway.kill());
  const running = await doctor(folder);
  assert.deepEqual(
    running.findings.filter(({ state }) => state === "problem"),
    [],
  );
  assert.match(running.of("gateway").says, /is ready/);
  assert.match(running.of("lock").says, /process \d+/);
  const shown = gateway.cli("doctor");
  assert.equal(shown.status, 0);
  assert.match(shown.stdout, /^ok {7}gateway: /m);
  await gateway.stop();
  const stopped = await doctor(folder);
  assert.equal(stopped.ok, true);
  assert.equal(stopped.of("gateway").state, "skipped");
  assert.match(stopped.of("seal").says, /all \d+ entries/);
});

test("a gateway that does not answer is found, and one that was killed holds nothing any more", async (t) => {
  const folder = ownFolder(t);
  const gateway = await startGateway(folder);
  t.after(() => gateway.kill());
  const pid = Number(readFileSync(join(folder, "data", "portcullis.pid"), "utf8"));
  process.kill(pid, "SIGSTOP");
  const stuck = await doctor(folder);
  process.kill(pid, "SIGCONT");
  assert.equal(stuck.of("gateway").state, "problem");
  await gateway.kill();
  assert.equal((await doctor(folder)).of("lock").state, "skipped");
});

test("each thing that is broken in the folders is found", async (t) => {
  const folder = ownFolder(t);
  const gateway = await startGateway(folder);
  t.after(() => gateway.kill());
  await gateway.stop();
  const keys = join(folder, "keys");
  const broken = async (path: string, wrong: string | null, found: readonly string[]): Promise<void> => {
    const whole = readFileSync(path);
    if (wrong === null) rmSync(path);
    else writeFileSync(path, wrong);
    assert.deepEqual(await problems(folder), found, path);
    writeFileSync(path, whole, { mode: 0o600 });
  };
  await broken(join(keys, "kek"), `${"ab".repeat(32)}\n`, ["key-encryption key"]);
  await broken(join(keys, "kek"), null, ["key-encryption key"]);
  await broken(join(keys, "log.key"), null, ["log key"]);
  await broken(join(keys, "subject-lookup.key"), `${Buffer.alloc(32).toString("base64")}\n`, ["lookup key"]);
  await broken(join(keys, "checkpoint"), null, ["head outside"]);
  await broken(join(keys, "checkpoint"), "no note\n", ["head outside"]);
  await broken(join(folder, "policies", "tools.cedar"), "permit (principal", ["policies"]);
  await broken(join(folder, "portcullis.yaml"), "servre: {}\n", ["config"]);
  await broken(join(folder, "data", "portcullis.db"), "no database at all, but long enough", ["database"]);
  assert.deepEqual(await problems(folder), []);
  chmodSync(keys, 0o770);
  assert.ok((await problems(folder)).includes("keys folder"));
  chmodSync(keys, 0o700);
  chmodSync(join(folder, "data", "operator.json"), 0o644);
  assert.deepEqual(await problems(folder), ["data folder"]);
});

const notRoot = without(process.getuid?.() === 0, "only root can give a folder away");

test("who may not look is told so, and not that nothing is there", { skip: notRoot }, async (t) => {
  const folder = ownFolder(t);
  const gateway = await startGateway(folder);
  t.after(() => gateway.kill());
  await gateway.stop();
  for (const name of ["data", "keys"]) chownSync(join(folder, name), 10_001, 10_001);
  // Root without its rights is a user like any other.
  const powerless = spawn("setpriv", ["--bounding-set=-all", command, "doctor", "--dir", folder, "--json"]);
  const { findings }: { findings: readonly Found[] } = JSON.parse(await text(powerless.stdout));
  const states = Object.fromEntries(findings.map(({ check, state }) => [check, state]));
  assert.equal(states["data folder"], "problem");
  assert.equal(states["keys folder"], "problem");
  for (const check of ["lock", "gateway", "port"]) assert.equal(states[check], undefined, check);
});

test("providers are called only when asked, and without a key", async (t) => {
  const heads: string[] = [];
  const upstream = await scriptedUpstream((response, request) => {
    heads.push(Object.keys(request.headers).join(" "));
    response.writeHead(401).end();
  });
  t.after(() => upstream.close());
  const folder = ownFolder(t, {
    "portcullis.yaml": `server: { listen: "127.0.0.1:0" }
providers:
  up: { type: openai, base_url: "${upstream.baseUrl}", api_key: "secret://providers/up" }
  gone: { type: openai, base_url: "http://127.0.0.1:1/v1" }
policies: { path: "${resolve(import.meta.dirname, "../../policies")}" }
applications: [{ name: assistant }]
`,
  });
  assert.equal((await doctor(folder)).of("providers").state, "skipped");
  assert.deepEqual(heads, []);
  const asked = await doctor(folder, "--providers");
  assert.equal(asked.of("provider up").state, "ok");
  assert.equal(asked.of("provider gone").state, "problem");
  assert.equal(heads.length, 1);
  assert.doesNotMatch(heads[0] ?? "", /authorization|api-key/);
});

test("a port that somebody has is found", async (t) => {
  const upstream = await scriptedUpstream((response) => response.end());
  t.after(() => upstream.close());
  const { host } = new URL(upstream.baseUrl);
  const folder = ownFolder(t, { "portcullis.yaml": `server: { listen: "${host}" }\n` });
  assert.equal((await doctor(folder)).of("port").state, "problem");
});
