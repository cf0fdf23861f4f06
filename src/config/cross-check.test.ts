import assert from "node:assert/strict";
import { test } from "node:test";
import { loaded, problemsOf } from "./config.test-support.ts";

test("an alias and its targets must lead to a model that can be called", async (t) => {
  const text = `providers:
  demo: { type: demo }
  openai: { type: openai, base_url: https://api.openai.com/v1, models: [gpt-x, a/b] }
models:
  - { name: fast, targets: [openai/gpt-x, openai/a/b, demo/assistant] }
  - name: slow
    targets:
      - opnai/gpt-x
      - constructor/x
      - openai/gpt-y
  - { name: fast, targets: [demo/assistant] }
`;
  assert.deepEqual(await problemsOf(t, text), [
    "8 models.1.targets.0: no provider `opnai` is configured; did you mean `openai`?",
    "9 models.1.targets.1: no provider `constructor` is configured; add it under `providers`",
    "10 models.1.targets.2: `providers.openai.models` does not list this model; add it there or take the target away",
    "11 models.2.name: the alias `fast` stands twice; rename one",
  ]);
});

test("a price stands under PROVIDER/MODEL of a configured provider", async (t) => {
  const price = "{ input: 1, output: 2 }";
  const text = `providers: { demo: { type: demo } }
prices:
  demo/assistant: ${price}
  gpt-x: ${price}
  demo/: ${price}
  /x: ${price}
  dmo/assistant: ${price}
`;
  assert.deepEqual(await problemsOf(t, text), [
    "4 prices.gpt-x: write the price under PROVIDER/MODEL",
    "5 prices.demo/: write the price under PROVIDER/MODEL",
    "6 prices./x: write the price under PROVIDER/MODEL",
    "7 prices.dmo/assistant: no provider `dmo` is configured; did you mean `demo`?",
  ]);
});

test("two applications of one name are refused", async (t) => {
  assert.deepEqual(await problemsOf(t, "applications:\n  - name: a\n  - name: b\n  - name: a\n"), [
    "4 applications.2.name: the application `a` stands twice; rename one",
  ]);
});

test("a sign-off names groups that exist, and people enough to meet its quorum", async (t) => {
  const text = `groups:
  finance: [ana@example.com, bo@example.com]
  empty: []
sign_offs:
  right: { approvers: ["group:finance", cy@example.com], quorum: 3 }
  typo: { approvers: ["group:finanse"] }
  nowhere:
    approvers:
      - ana@example.com
      - group:legal
  bare: { approvers: [finance] }
  twice: { approvers: ["group:finance", ana@example.com], quorum: 3 }
  nobody:
    approvers: ["group:empty"]
  inherited: { approvers: ["group:constructor"] }
`;
  assert.deepEqual(await problemsOf(t, text), [
    "6 sign_offs.typo.approvers.0: no group `finanse` is configured; did you mean `group:finance`?",
    "10 sign_offs.nowhere.approvers.1: no group `legal` is configured; add it under `groups`",
    "11 sign_offs.bare.approvers.0: this is a group; write `group:finance`",
    "12 sign_offs.twice.quorum: 3 must agree and only 2 may; add approvers or lower `quorum`",
    "13 sign_offs.nobody.quorum: 1 must agree and only 0 may; add approvers or lower `quorum`",
    "15 sign_offs.inherited.approvers.0: no group `constructor` is configured; add it under `groups`",
  ]);
});

test("a group holds people, and an application may be in groups that list none", async (t) => {
  assert.deepEqual(await problemsOf(t, 'groups:\n  a: [ana]\n  b:\n    - bo\n    - "group:a"\n'), [
    "5 groups.b.1: a group lists people; groups in groups do not exist",
  ]);
  const { config } = await loaded(t, "applications: [{ name: a, groups: [staff] }]");
  assert.deepEqual(config.applications[0]?.groups, ["staff"]);
});

test("beyond loopback TLS or a proxy must be named, and what only looks like loopback is beyond it", async (t) => {
  const beyond = ["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "127.example.com:80", "gateway:80"];
  for (const listen of beyond) {
    assert.deepEqual(await problemsOf(t, `log: {}\nserver:\n  listen: "${listen}"\n`), [
      "3 server.listen: beyond loopback TLS is needed; set `server.tls`, or name the proxy that terminates it in `server.trusted_proxies`",
    ]);
    await loaded(t, `server: { listen: "${listen}", trusted_proxies: [10.0.0.0/8] }`);
  }
  for (const listen of [
    "127.0.0.1:1",
    "127.9.9.9:1",
    "[::1]:1",
    "[0:0:0:0:0:0:0:1]:1",
    "localhost:0",
    "LocalHost:1",
  ]) {
    await loaded(t, `server: { listen: "${listen}" }`);
  }
});

test("a tool that reads and has no digest loads without a word: it counts as one that writes", async (t) => {
  const { config } = await loaded(t, "tools: { get_weather: { effect: read } }");
  assert.deepEqual(config.tools["get_weather"], { effect: "read" });
});

test("a target is no longer than an entry of the trail holds, so that no call of it goes unrecorded", async (t) => {
  const config = (target: string): string => `providers:
  openai: { type: openai, base_url: https://api.openai.com/v1 }
models: [{ name: fast, targets: [${target}] }]
`;
  await loaded(t, config(`openai/${"x".repeat(200)}`));
  assert.deepEqual(await problemsOf(t, config(`openai/${"x".repeat(330)}`)), [
    "3 models.0.targets.0: write PROVIDER/MODEL, with at most 200 characters of MODEL",
  ]);
});
