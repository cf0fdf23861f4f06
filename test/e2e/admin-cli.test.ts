import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import type { Command } from "commander";
import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { portcullisCommand, runCli } from "../../src/cli/run.ts";
import { type AdminBench, adminBench, recordCall, token } from "./admin-bench.ts";
import { testFolder } from "./test-gateway.ts";

const binary = resolve(import.meta.dirname, "../../bin/portcullis");
const home = process.cwd();

const folders: string[] = [];

/** A folder that is gone after the test. */
function ownFolder(): string {
  const folder = testFolder();
  folders.push(folder);
  return folder;
}

beforeEach(() => process.chdir(ownFolder()));
afterEach(() => {
  process.chdir(home);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  delete process.env["PORTCULLIS_URL"];
  delete process.env["PORTCULLIS_TOKEN"];
});

/** The command line in this process: what it would print, and its exit code. */
async function cli(t: TestContext, ...args: readonly string[]) {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const mocks = [
    t.mock.method(console, "log", (text: string) => stdout.push(text)),
    t.mock.method(console, "error", (text: unknown) => stderr.push(String(text))),
    t.mock.method(process.stderr, "write", (text: string) => stderr.push(text) > 0),
  ];
  const code = await runCli(["node", "portcullis", ...args]);
  for (const { mock } of mocks) mock.restore();
  return { code, stdout: stdout.join("\n"), stderr: stderr.join("\n") };
}

/** A bench that the command line finds by its environment. */
async function openBench(t: TestContext): Promise<AdminBench> {
  const bench = await adminBench(t);
  process.env["PORTCULLIS_URL"] = bench.url;
  process.env["PORTCULLIS_TOKEN"] = token;
  return bench;
}

function lines(text: string): readonly string[] {
  return text.split("\n");
}

describe("every command", () => {
  test("has a help that says what it is and shows an example, and JSON where it answers something", async () => {
    const check = (command: Command, path: string): void => {
      let help = "";
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      const name = `${path} ${command.name()}`.trim();
      assert.match(help, /Example:\n {2}portcullis/, name);
      assert.ok(command.description() !== "" || path === "", name);
      const answers =
        command.commands.length === 0 && !["init", "up", "serve", "witness"].includes(command.name());
      if (answers) assert.match(help, /--json/, name);
      for (const one of command.commands) check(one, name);
    };
    const program = await portcullisCommand();
    // `policy` is not declared here.
    for (const one of program.commands) if (one.name() !== "policy") check(one, "");
  });

  test("that is called wrongly could not run: 2, and it says what is wrong", async (t) => {
    for (const [args, message] of [
      [["keys"], /Usage: portcullis keys/],
      [["keys", "create"], /required option '--application/],
      [["keys", "revoke"], /missing required argument/],
      [["keys", "list", "--colour"], /unknown option/],
      [["audit", "list", "--limit", "0"], /whole number from 1 on/],
      [["audit", "list", "--before", "x"], /whole number from 0 on/],
      [["audit", "shw"], /unknown command 'shw'[\s\S]*Did you mean show/],
      [["audit", "verify", "nowhere"], /no database in/],
    ] as const) {
      const { code, stderr, stdout } = await cli(t, ...args);
      assert.equal(code, 2, args.join(" "));
      assert.match(stderr, message);
      assert.equal(stdout, "");
    }
  });
});

describe("the command line finds its gateway", () => {
  function gatewayFolder(folder: string, url: string): void {
    const data = join(folder, "data");
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, "operator.json"), JSON.stringify({ url, token }), { mode: 0o600 });
  }

  test("in --dir, else in the current folder or above it, and says so when there is none", async (t) => {
    const bench = await adminBench(t);
    const none = await cli(t, "keys", "list");
    assert.equal(none.code, 2);
    assert.match(none.stderr, /no gateway was found in the current folder or above it; .*PORTCULLIS_URL/);

    const folder = ownFolder();
    gatewayFolder(folder, bench.url);
    assert.equal((await cli(t, "keys", "list", "--dir", folder)).code, 0);
    assert.equal((await cli(t, "keys", "list", "--dir", join(folder, "data"))).code, 0);
    mkdirSync(join(folder, "deep", "down"), { recursive: true });
    process.chdir(join(folder, "deep", "down"));
    assert.deepEqual(await cli(t, "keys", "list", "--json"), { code: 0, stdout: "[]", stderr: "" });
    const elsewhere = await cli(t, "keys", "list", "--dir", "nowhere");
    assert.equal(elsewhere.code, 0);
    assert.match(elsewhere.stderr, /there is no gateway in `nowhere`; this is the one of `.*operator\.json`/);
    chmodSync(join(folder, "data", "operator.json"), 0o644);
    const open = await cli(t, "keys", "list");
    assert.deepEqual([open.code, /chmod 600/.test(open.stderr)], [2, true]);
  });

  test("in the environment first, and only when all of it is there", async (t) => {
    const bench = await openBench(t);
    const folder = ownFolder();
    gatewayFolder(folder, "http://127.0.0.1:1");
    assert.equal((await cli(t, "keys", "list", "--dir", folder)).code, 0);
    process.env["PORTCULLIS_URL"] = `${bench.url}/`;
    assert.equal((await cli(t, "keys", "list")).code, 0);

    process.env["PORTCULLIS_TOKEN"] = "pco_wrong";
    const wrong = await cli(t, "keys", "list");
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /does not know the token of PORTCULLIS_URL and PORTCULLIS_TOKEN/);

    delete process.env["PORTCULLIS_TOKEN"];
    const half = await cli(t, "keys", "list", "--dir", folder);
    assert.equal(half.code, 2);
    assert.match(half.stderr, /PORTCULLIS_URL is set and PORTCULLIS_TOKEN is not/);
  });

  test("and says when nothing answers there, or something else does", async (t) => {
    const bench = await openBench(t);
    for (const [url, message] of [
      ["http://127.0.0.1:1", /no gateway answers at `http:\/\/127\.0\.0\.1:1`/],
      [`${bench.url}/elsewhere`, /is no gateway \(404\)/],
      ["nonsense", /PORTCULLIS_URL is no URL/],
    ] as const) {
      process.env["PORTCULLIS_URL"] = url;
      const { code, stderr } = await cli(t, "keys", "list");
      assert.equal(code, 2);
      assert.match(stderr, message);
    }
  });
});

describe("keys, secrets and usage", () => {
  test("keys are made, shown once, and listed with the state they are in", async (t) => {
    await openBench(t);
    assert.match((await cli(t, "keys", "list")).stdout, /no keys yet; `portcullis keys create/);
    const made = JSON.parse((await cli(t, "keys", "create", "--application", "assistant", "--json")).stdout);
    assert.match(made.id, /^key_/);
    assert.match(made.key, /^pcl_/);
    const second = JSON.parse((await cli(t, "keys", "rotate", made.id, "--json")).stdout);
    const third = await cli(t, "keys", "create", "--application", "assistant");
    assert.match(third.stdout, /^key_\S+\npcl_\S+\nthis key is shown once/);
    assert.equal((await cli(t, "keys", "revoke", second.id)).stdout, `revoked ${second.id}`);

    const { stdout } = await cli(t, "keys", "list");
    const [heading, ...rows] = lines(stdout).map((line) => line.trim().split(/ {2,}/));
    assert.deepEqual(heading, ["id", "application", "hint", "state", "created", "ends"]);
    assert.deepEqual(
      rows.map((row) => row[3]),
      ["expires", "revoked", "active"],
    );
    assert.ok(!stdout.includes(made.key));
    const listed = JSON.parse((await cli(t, "keys", "list", "--json")).stdout);
    assert.deepEqual(
      listed.map((key: { state: string }) => key.state),
      ["expires", "revoked", "active"],
    );

    for (const [args, message] of [
      [["create", "--application", "unheard"], /no application `unheard`/],
      [["revoke", "key_unknown"], /no key `key_unknown`/],
      [["revoke", "../secrets/x"], /no key `\.\.\/secrets\/x`/],
      [["rotate", made.id], /revoked or ends already/],
    ] as const) {
      const refused = await cli(t, "keys", ...args);
      assert.deepEqual([refused.code, refused.stdout], [1, ""], args.join(" "));
      assert.match(refused.stderr, message);
    }
  });

  test("secrets are set from standard input, listed without their values, and destroyed", async (t) => {
    await openBench(t);
    const standardInput = Object.getOwnPropertyDescriptor(process, "stdin");
    const feed = (text: string): void => {
      Object.defineProperty(process, "stdin", { value: Readable.from([text]), configurable: true });
    };
    t.after(() => {
      if (standardInput !== undefined) Object.defineProperty(process, "stdin", standardInput);
    });
    feed("sk-hush\n");
    assert.equal(
      (await cli(t, "secrets", "set", "providers/openai")).stdout,
      "set providers/openai, version 1",
    );
    feed(" \n");
    assert.equal((await cli(t, "secrets", "set", "providers/openai")).code, 2);
    feed("x");
    const bad = await cli(t, "secrets", "set", "Not A Name");
    assert.deepEqual([bad.code, /a secret is named like/.test(bad.stderr)], [1, true]);
    const { stdout } = await cli(t, "secrets", "list");
    assert.match(stdout, /^name +version {2}created\nproviders\/openai +1 {2}2/);
    assert.equal(
      (await cli(t, "secrets", "destroy", "providers/openai")).stdout,
      "destroyed providers/openai",
    );
    assert.equal((await cli(t, "secrets", "destroy", "providers/openai")).code, 1);
    assert.equal((await cli(t, "secrets", "list", "--json")).stdout, "[]");
  });

  test("usage has numbers at the right and cost in dollars, and in JSON integers", async (t) => {
    const bench = await openBench(t);
    assert.match((await cli(t, "usage")).stdout, /no call is on record/);
    const spent = [
      ["a/cheap", 1_230],
      ["b/dear", 12_345_678],
    ] as const;
    for (const [target, cost] of spent) {
      for (let call = 0; call < 12; call += 1) {
        const body = { ...leafSamples["call.completed"], call: `call_${target}_${call}`, target };
        await bench.trail.append([bench.trail.encode({ ...body, cost_micro_usd: cost }, null)]);
      }
    }
    const { stdout } = await cli(t, "usage", "--by", "model");
    assert.deepEqual(lines(stdout), [
      "model    calls  refused  input  cached  output  estimated  unpriced         cost",
      "a/cheap     12        0    144       0     408          0         0    $0.014760",
      "b/dear      12        0    144       0     408          0         0  $148.148136",
    ]);
    const [cheap] = JSON.parse((await cli(t, "usage", "--by", "model", "--json")).stdout);
    assert.deepEqual([cheap.model, cheap.day, cheap.cost_micro_usd], ["a/cheap", null, 14_760]);
    const refused = await cli(t, "usage", "--by", "colour");
    assert.deepEqual([refused.code, /takes `application`/.test(refused.stderr)], [1, true]);
  });

  test("usage --now shows what counts against limits, and when each window ends", async (t) => {
    const bench = await openBench(t);
    bench.clock.time = Date.parse("2026-01-05T10:20:30.000Z");
    const body = { ...leafSamples["call.completed"], cost_micro_usd: 1_500_000 };
    await bench.trail.append([bench.trail.encode(body, null)]);
    const { stdout } = await cli(t, "usage", "--now");
    assert.deepEqual(lines(stdout).slice(0, 6), [
      "kind         name     window  ends                      requests  tokens  unpriced   cost",
      "application  billing  minute  2026-01-05T10:21:00.000Z         1      46         0  $1.50",
      "application  billing  hour    2026-01-05T11:00:00.000Z         1      46         0  $1.50",
      "application  billing  day     2026-01-06T00:00:00.000Z         1      46         0  $1.50",
      "application  billing  month   2026-02-01T00:00:00.000Z         1      46         0  $1.50",
      "group        staff    minute  2026-01-05T10:21:00.000Z         0       0         0  $0.00",
    ]);
    bench.clock.time += 60_000;
    const [minute, hour] = JSON.parse((await cli(t, "usage", "--now", "--json")).stdout);
    assert.deepEqual(
      [minute.window, minute.requests, minute.begins],
      ["minute", 0, "2026-01-05T10:21:00.000Z"],
    );
    assert.deepEqual([hour.window, hour.requests, hour.cost_micro_usd], ["hour", 1, 1_500_000]);
  });
});

describe("audit", () => {
  test("lists the newest entries, with when, who, what and what was decided", async (t) => {
    const bench = await openBench(t);
    const calls: string[] = [];
    for (let at = 0; at < 130; at += 1) {
      bench.clock.time += 1_000;
      calls.push(await recordCall(bench, { request: `{"at":${at}}`, source_address: "::1" }));
    }
    const { stdout } = await cli(t, "audit", "list", "--limit", "3");
    const [heading, ...rows] = lines(stdout);
    assert.match(heading ?? "", /^index {2}time +type +who +what +decision$/);
    assert.deepEqual(
      rows.map((row) => row.trim().split(/ {2,}/)),
      [
        ["259", "2026-01-05T00:02:09.000Z", "call.completed", "billing for sub_1", "demo/parrot 200", "ok"],
        [
          "260",
          "2026-01-05T00:02:10.000Z",
          "call.decided",
          "billing for sub_1",
          "fast → demo/parrot",
          "permit",
        ],
        ["261", "2026-01-05T00:02:10.000Z", "call.completed", "billing for sub_1", "demo/parrot 200", "ok"],
      ],
    );
    const listed = async (...args: readonly string[]) =>
      JSON.parse((await cli(t, "audit", "list", "--json", ...args)).stdout);
    assert.equal((await listed("--limit", "1000")).length, 262);
    assert.equal((await listed()).length, 50);
    assert.equal((await listed("--limit", "201")).length, 201);
    const decided = await listed("--type", "call.decided", "--limit", "5", "--before", "20");
    assert.deepEqual(
      decided.map((entry: { index: number }) => entry.index),
      [10, 12, 14, 16, 18],
    );
    const ofCall = await listed("--call", calls[3] ?? "");
    assert.deepEqual(
      ofCall.map((entry: { leaf: { type: string } }) => entry.leaf.type),
      ["call.decided", "call.completed"],
    );
    assert.match((await cli(t, "audit", "list", "--after", "261")).stdout, /there is no such entry/);
    assert.equal((await cli(t, "audit", "list", "--type", "nonsense")).code, 1);
  });

  test("lists what happened to an approval, by its name and where it stands", async (t) => {
    const bench = await openBench(t);
    const bodies = Object.values<LeafBody>(leafSamples).filter(({ type }) =>
      /^(approval|operator)\./.test(type),
    );
    await bench.trail.append(bodies.map((body) => bench.trail.encode(body, null)));
    const { stdout } = await cli(t, "audit", "list", "--limit", String(bodies.length));
    assert.deepEqual(
      lines(stdout)
        .slice(1)
        .map((row) => row.trim().split(/ {2,}/).slice(2)),
      [
        ["approval.requested", "billing for sub_1", "apr_1 for send_email"],
        ["approval.viewed", "op_1", "apr_1"],
        ["approval.voted", "op_1", "apr_1", "approve"],
        ["approval.vote_refused", "op_1", "apr_1: not_an_approver", "approve"],
        ["approval.edited", "op_1", "apr_1 as revision 2"],
        ["approval.closed", "gateway", "apr_1", "expired"],
        ["approval.released", "gateway", "apr_1 → call_2"],
        ["operator.invited", "op_1", "op_2"],
        ["operator.removed", "op_1", "op_2"],
      ],
    );
    assert.equal((await cli(t, "audit", "list", "--approval", "apr_1")).code, 1, "that is no name of one");
  });

  test("shows an entry by its index or id and a call by its id, and whether payload is what was recorded", async (t) => {
    const bench = await openBench(t);
    const request = '{"messages":[{"role":"user","content":"hello"}]}';
    const call = await recordCall(bench, { request, source_address: "192.0.2.7" });
    const byIndex = await cli(t, "audit", "show", "2");
    assert.equal(byIndex.code, 0, byIndex.stderr);
    assert.match(byIndex.stdout, /^entry 2 {2}call\.decided\n/);
    assert.match(byIndex.stdout, /\n {2}policies\.ids +starter\.chat\n/);
    assert.ok(
      byIndex.stdout.endsWith(
        `  payload request: matches the record (48 bytes)\n    ${request}\n  payload source_address: matches the record (9 bytes)\n    192.0.2.7`,
      ),
      byIndex.stdout,
    );
    const entry = JSON.parse((await cli(t, "audit", "show", "2", "--json")).stdout);
    assert.deepEqual(entry.payloads[1], {
      field: "source_address",
      status: "matches",
      bytes: 9,
      encoding: "utf8",
      value: "192.0.2.7",
    });
    assert.equal((await cli(t, "audit", "show", entry.leaf.id)).stdout, byIndex.stdout);
    const ofCall = JSON.parse((await cli(t, "audit", "show", call, "--json")).stdout);
    assert.deepEqual(
      ofCall.map(({ index }: { index: number }) => index),
      [2, 3],
    );
    assert.match(
      (await cli(t, "audit", "show", call)).stdout,
      /entry 2 [\s\S]*\n\nentry 3 {2}call\.completed/,
    );
    for (const unknown of ["99", "call_01a2120e-b6fb-7000-9250-ead1e1d3ffcf", "nonsense"]) {
      const { code, stdout } = await cli(t, "audit", "show", unknown);
      assert.deepEqual([code, stdout], [1, ""], unknown);
    }
  });

  test("finds payload that was changed or moved, and says what was erased or not kept", async (t) => {
    const bench = await openBench(t);
    const kept = { request: "{}", source_address: "::1" };
    await recordCall(bench, kept);
    await recordCall(bench, kept);
    const show = (index: number) => cli(t, "audit", "show", String(index));
    const { leaf } = JSON.parse((await cli(t, "audit", "show", "2", "--json")).stdout);
    const subject = await bench.subjects.applicationId("assistant");

    bench.payloads.keep(leaf.id, subject, { request: Buffer.from("{ }") });
    await bench.payloads.flush();
    const changed = await show(2);
    assert.equal(changed.code, 1);
    assert.match(changed.stdout, /payload request: does NOT match the record \(3 bytes\)\n {4}\{ \}/);
    assert.match(changed.stderr, /payload is not what was recorded: `request` of entry 2/);

    bench.payloads.keep(leaf.id, subject, { request: Uint8Array.of(0xff, 0x00) });
    await bench.payloads.flush();
    assert.match((await show(2)).stdout, /does NOT match the record \(2 bytes, as base64\)\n {4}\/wA=/);

    bench.tamper(
      "UPDATE payloads SET ciphertext = (SELECT p.ciphertext FROM payloads p WHERE p.field = 'request' AND p.entry <> ?) WHERE field = 'request' AND entry = ?",
      leaf.id,
      leaf.id,
    );
    const moved = await show(2);
    assert.deepEqual([moved.code, /payload request: damaged/.test(moved.stdout)], [1, true]);

    bench.tamper("DELETE FROM payloads WHERE field = 'request' AND entry = ?", leaf.id);
    const lost = await show(2);
    assert.equal(lost.code, 0);
    assert.match(lost.stdout, /payload request: not kept\n {2}payload source_address: matches the record/);

    bench.tamper("DELETE FROM salts");
    const erased = await show(2);
    assert.match(erased.stdout, /payload request: erased\n {2}payload source_address: erased$/);
    assert.ok(!erased.stdout.includes("::1"));
  });

  test("lets nothing that clients or models wrote steer the terminal", async (t) => {
    const bench = await openBench(t);
    const requested_model = "fast\u001b[2J\u009b1m\u202egnp";
    await bench.trail.append([
      bench.trail.encode({ ...leafSamples["call.decided"], call: "call_1", requested_model }, null),
    ]);
    await recordCall(bench, { request: '{"a":"\u001b]0;owned\u0007"}\nsecond', source_address: "::1" });
    const { stdout: list } = await cli(t, "audit", "list");
    const { stdout: shown } = await cli(t, "audit", "show", "3");
    assert.match(list, /fast\\u\{1b\}\[2J\\u\{9b\}1m\\u\{202e\}gnp/);
    assert.match(shown, /\n {4}\{"a":"\\u\{1b\}\]0;owned\\u\{7\}"\}\n {4}second\n/);
    for (const text of [list, shown]) {
      assert.equal(text.replace(/\n/g, "").search(/[\p{Cc}\p{Bidi_Control}]/u), -1);
    }
  });
});

test("the real command: exit codes, no colour into a pipe, and verification of files without a gateway", async (t) => {
  const bench = await openBench(t);
  await bench.trail.append([bench.trail.encode(leafSamples["policy.activated"], null)]);
  const call = await recordCall(bench, { request: "{}", source_address: "::1" });
  await bench.trail.publishCheckpoint();
  const plain = { ...process.env };
  for (const name of ["FORCE_COLOR", "NO_COLOR"]) delete plain[name];
  const run = async (args: readonly string[], env: NodeJS.ProcessEnv = plain) => {
    try {
      return { code: 0, ...(await promisify(execFile)(binary, args, { env })) };
    } catch (fault) {
      const { code, stdout, stderr } = Object(fault);
      return { code: Number(code), stdout: String(stdout), stderr: String(stderr) };
    }
  };
  const [listed, refused, verified, help] = await Promise.all([
    run(["audit", "list", "--call", call]),
    run(["keys", "revoke", "key_unknown"]),
    run(["audit", "verify", bench.folder, "--json"]),
    run(["audit", "show", "--help"]),
  ]);
  assert.deepEqual([help.code, /Usage: portcullis audit show/.test(help.stdout)], [0, true]);
  assert.equal(listed.code, 0, listed.stderr);
  assert.match(listed.stdout, /call\.completed/);
  assert.ok(!listed.stdout.includes("\u001b"));
  assert.deepEqual([refused.code, refused.stdout], [1, ""]);
  const report = JSON.parse(verified.stdout);
  assert.deepEqual([verified.code, report.ok, report.log.entries], [0, true, 5]);

  writeFileSync(join(bench.folder, "data", "operator.json"), "{}");
  mkdirSync(join(bench.folder, "deep"));
  process.chdir(join(bench.folder, "deep"));
  const above = await cli(t, "audit", "verify", "--json");
  assert.deepEqual([above.code, JSON.parse(above.stdout)], [0, report]);

  bench.tamper("UPDATE entries SET leaf = CAST(replace(CAST(leaf AS TEXT), 'billing', 'bilking') AS BLOB)");
  const data = join(bench.folder, "data");
  const tampered = await run(["audit", "verify", data], { ...plain, FORCE_COLOR: "1" });
  assert.equal(tampered.code, 1);
  assert.match(tampered.stdout, /FOUND entries 2 to 4 are not those[\s\S]*it does not hold/);
  assert.ok(tampered.stdout.includes("\u001b[31m"), "in colour where colour is asked for");
});
