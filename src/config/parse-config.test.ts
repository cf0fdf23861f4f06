import assert from "node:assert/strict";
import { test } from "node:test";
import { problemsOf } from "./config.test-support.ts";

test("an unknown key names itself, its own line, and the key that was meant", async (t) => {
  const text = `serve: {}
server:
  public_url: http://localhost:1
  lisen: "127.0.0.1:1"
providers:
  openai:
    type: openai
    base_url: https://api.openai.com/v1

    apiKey: secret://a/b
    time_out: 3s
  demo: { type: demo, model: x }
models:
  - name: fast
    targets: [demo/assistant]
    target: []
sign_offs:
  default:
    approvers: [ana]
    quorom: 2
tools:
  send_email:
    effect: write
    effects: read
applications:
  - { name: a, group: [] }
`;
  assert.deepEqual(await problemsOf(t, text), [
    "1 serve: unknown key `serve`; did you mean `server`?",
    "4 server.lisen: unknown key `lisen`; did you mean `listen`?",
    "10 providers.openai.apiKey: unknown key `apiKey`; did you mean `api_key`?",
    "11 providers.openai.time_out: unknown key `time_out`; did you mean `timeout`?",
    "12 providers.demo.model: unknown key `model`; what may stand here: `type`",
    "16 models.0.target: unknown key `target`; did you mean `targets`?",
    "20 sign_offs.default.quorom: unknown key `quorom`; did you mean `quorum`?",
    "24 tools.send_email.effects: unknown key `effects`; did you mean `effect`?",
    "26 applications.0.group: unknown key `group`; did you mean `groups`?",
  ]);
});

test("where no known key is near, those that may stand there are told", async (t) => {
  const text =
    "policies: { foo: 1 }\nprices: { d/a: { input: 1, output: 1, zzz: 1 } }\naudit: { q: 1 }\nxyz: 1\n";
  assert.deepEqual(await problemsOf(t, text), [
    "1 policies.foo: unknown key `foo`; what may stand here: `path`, `activate`",
    "2 prices.d/a.zzz: unknown key `zzz`; what may stand here: `input`, `output`, `cached_input`",
    "3 audit.q: unknown key `q`; what may stand here: `witnesses`, `witness_policy`, `payloads`, `keep_payloads`, `public_log`",
    "4 xyz: unknown key `xyz`; what may stand here: `server`, `data`, `database`, `keys`, `policies`, `providers`, `models`, `groups`, `sign_offs`, `tools`, `applications`, `prices`, `audit`, `approvals`, `limits`, `metrics`, `telemetry`, `egress`, `log`",
  ]);
});

test("every table of the file refuses unknown keys", async (t) => {
  const tables: readonly (readonly [before: string, after: string])[] = [
    ["", ""],
    ["server: { ", " }"],
    ["policies: { ", " }"],
    ["providers: { a: { type: openai, base_url: 'https://x/v1', ", " } }"],
    ["providers: { a: { type: demo, ", " } }"],
    ["models: [{ name: a, targets: [d/x], ", " }]"],
    ["sign_offs: { a: { approvers: [ana], ", " } }"],
    ["tools: { a: { effect: write, ", " } }"],
    ["applications: [{ name: a, ", " }]"],
    ["prices: { d/x: { input: 1, output: 1, ", " } }"],
    ["audit: { ", " }"],
    ["limits: { ", " }"],
    ["log: { ", " }"],
  ];
  for (const [before, after] of tables) {
    const found = await problemsOf(t, `# one line above\n${before}zqj: 1${after}`);
    assert.equal(found.length, 1, before);
    assert.match(found[0] ?? "", /^2 .*zqj: unknown key `zqj`; what may stand here: /);
  }
});

test("a value that is one of several is told which, and which was meant", async (t) => {
  const text = `providers:
  a: { type: opnai }
  b:
    base_url: https://x/v1
  c: { type: 7 }
audit: { payloads: requests }
log: { level: fatal }
tools: { x: { effect: no } }
`;
  assert.deepEqual(await problemsOf(t, text), [
    "2 providers.a.type: `type` must be one of `openai`, `demo`; did you mean `openai`?",
    "3 providers.b.type: `type` must be one of `openai`, `demo`, and is missing",
    "5 providers.c.type: `type` must be one of `openai`, `demo`",
    "6 audit.payloads: `payloads` must be one of `none`, `metadata`, `request`, `response`; did you mean `request`?",
    "7 log.level: `level` must be one of `debug`, `info`, `warn`, `error`",
    "8 tools.x.effect: `effect` must be one of `read`, `write`",
  ]);
});

test("a wrong kind of value, a missing and an empty one are told in words, at their line", async (t) => {
  const text = `server:
  listen: 8787
  trusted_proxies: 10.0.0.1
providers:
  a:
    type: openai
  b: demo
  c: [x]
  d:
  E: { type: demo }
models:
groups: { x: [1, true], "": [] }
tools: { a: {} }
applications:
  - a
  - {}
limits: { concurrency: many, depth: 3, headers: 1B }
sign_offs: { x: { approvers: [], quorum: 21 } }
policies: { path: "" }
`;
  assert.deepEqual(await problemsOf(t, text), [
    "2 server.listen: `listen` must be text, not a number; put it in quotes",
    "3 server.trusted_proxies: `trusted_proxies` must be a list, not text",
    "5 providers.a.base_url: `base_url` is missing; write text",
    "7 providers.b: `b` must be a table of keys, not text",
    "8 providers.c: `c` must be a table of keys, not a list",
    "9 providers.d: `d` has no value; write a table of keys, or take the key away",
    "10 providers.E: `E` cannot be a name here; use 1 to 64 of a-z, 0-9, `.`, `_`, `-`, starting and ending with a letter or digit",
    "11 models: `models` has no value; write a list, or take the key away",
    "12 groups.x.0: entry 1 must be text, not a number; put it in quotes",
    "12 groups.x.1: entry 2 must be text, not `true` or `false`; put it in quotes",
    "12 groups.: `` cannot be a name here; use 1 to 64 of a-z, 0-9, `.`, `_`, `-`, starting and ending with a letter or digit",
    "13 tools.a.effect: `effect` must be one of `read`, `write`, and is missing",
    "15 applications.0: entry 1 must be a table of keys, not text",
    "16 applications.1.name: `name` is missing; write text",
    "17 limits.depth: this must be at least 4",
    "17 limits.headers: write 1KiB to 1MiB",
    "17 limits.concurrency: `concurrency` must be a number, not text",
    "18 sign_offs.x.approvers: at least 1 entry must stand here",
    "18 sign_offs.x.quorum: this must be at most 20",
    "19 policies.path: this must not be empty",
  ]);
});

test("no message holds what was written in place of a secret reference, nor any other value", async (t) => {
  const values = [
    "sk-live-1234567890",
    "'sk-live-1234567890 x'",
    "[sk-live-1234567890]",
    "{ value: sk-live-1234567890 }",
    "'secret://sk-live-1234567890/UPPER'",
    "|\n      sk-live-1234567890\n",
  ];
  for (const value of values) {
    const text = `providers:\n  a:\n    type: openai\n    base_url: https://x/v1\n    api_key: ${value}\n`;
    const found = (await problemsOf(t, text)).join("\n");
    assert.match(found, /^5 providers\.a\.api_key: write a reference such as `secret:/);
    assert.doesNotMatch(found, /sk-live/);
  }
  const elsewhere = [
    "server: { listen: sk-live-1, public_url: sk-live-2, trusted_proxies: [sk-live-3] }",
    "providers: { a: { type: sk-live-1 }, b: { type: openai, base_url: 'https://u:sk-live-2@x/v1' } }",
    "providers: { a: { type: openai, base_url: 'sk-live://x', timeout: sk-live, prices_as: SK-sk-live } }",
    "log: { level: sk-live }\ndata: ~/sk-live",
    "providers: sk-live",
    "providers: { a: sk-live }",
    "applications: [sk-live]",
  ];
  for (const text of elsewhere) assert.doesNotMatch((await problemsOf(t, text)).join(), /sk-live/, text);
});

test("a name in a message is cut when it is long, and cannot steer a terminal", async (t) => {
  const long = "k".repeat(300);
  assert.match((await problemsOf(t, `? ${long}\n: 1`)).join(), /unknown key `k{40}…`;/);
  const [found = ""] = await problemsOf(t, '"a\\e[2J\\u202eb": 1');
  assert.match(found, /unknown key `a\\u\{1b\}\[2J\\u\{202e\}b`/);
  assert.doesNotMatch(found, /[\p{Cc}\p{Cf}]/u);
});
