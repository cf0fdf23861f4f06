// Limits on a real gateway: with many clients at once, over a restart, and over kill -9 with calls under way.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import OpenAI from "openai";
import { type ScriptedUpstream, scriptedUpstream } from "./scripted-upstream.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

const permit = `@id("calls") permit (principal, action == Portcullis::Action::"chat", resource);`;

function limit(condition: string, id = "limit"): string {
  return `@id("${id}") @reason("enough") forbid (principal, action == Portcullis::Action::"chat", resource)
    when { ${condition} };`;
}

/** An answer that used 10 tokens in and 5 out: 20 millionths of a dollar at the prices below. */
const answer = JSON.stringify({
  id: "x",
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 10, completion_tokens: 5 },
});
const spent = 20;
/** What a call is estimated at that may write 100 tokens: 6 in, 100 out. */
const reserved = 206;

function folderWith(upstream: ScriptedUpstream, policies: string): string {
  const folder = testFolder({
    "portcullis.yaml": `providers:
  up: { type: openai, base_url: "${upstream.baseUrl}" }
prices:
  up/m: { input: 1, output: 2 }
applications:
  - { name: assistant, groups: [staff] }
`,
  });
  mkdirSync(join(folder, "policies"));
  writeFileSync(join(folder, "policies", "test.cedar"), policies);
  return folder;
}

function ask(gateway: TestGateway, key: string): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "up/m", max_tokens: 100, messages: [{ role: "user", content: "Hello" }] }),
  });
}

/** How many of as many calls at once were answered; all others have to be refused for the limit. */
async function answered(gateway: TestGateway, key: string, count: number): Promise<number> {
  const responses = await Promise.all(Array.from({ length: count }, () => ask(gateway, key)));
  for (const response of responses) {
    const text = await response.text();
    if (response.status === 200) continue;
    assert.deepEqual([response.status, JSON.parse(text).error.code], [429, "rate_limited"]);
  }
  return responses.filter(({ status }) => status === 200).length;
}

async function lastFacts(gateway: TestGateway): Promise<Readonly<Record<string, unknown>>> {
  return leavesOf(await readTrail(gateway), "call.decided").at(-1)?.facts ?? {};
}

test("a budget for exactly 90 requests is never overrun: 200 calls at once, a restart, kill -9 with calls under way", async (t) => {
  let silent = false;
  const open: ServerResponse[] = [];
  const allOpen = Promise.withResolvers<void>();
  const upstream = await scriptedUpstream((response) => {
    response.setHeader("content-type", "application/json");
    if (!silent) response.end(answer);
    else if (open.push(response) === 30) allOpen.resolve();
  });
  t.after(() => upstream.close());
  const folder = folderWith(
    upstream,
    `${permit}\n${limit("context.rate.month > 90")}\n${limit("context.spend.month > 1000000", "dear")}`,
  );
  let gateway = await startGateway(folder);
  t.after(() => gateway.kill());
  const { key } = gateway;
  assert.ok(key !== null);

  assert.equal(await answered(gateway, key, 30), 30);
  await gateway.stop();
  gateway = await startGateway(folder);

  silent = true;
  const cut = Array.from({ length: 30 }, () => ask(gateway, key).catch(() => null));
  await allOpen.promise;
  await gateway.kill();
  assert.deepEqual(await Promise.all(cut), Array(30).fill(null));
  silent = false;
  gateway = await startGateway(folder);

  assert.equal(await answered(gateway, key, 200), 30);
  assert.equal(upstream.bodies.length, 90, "what left for the provider");
  // Of the calls that were cut nobody knows what they cost: they count with the most they could.
  const denied = await lastFacts(gateway);
  assert.equal(denied["rate.month"], 91);
  assert.equal(denied["spend.month"], 60 * spent + 30 * reserved + reserved);
  await gateway.close();
});

test("a budget put in force later counts what was used before, and once", async (t) => {
  const upstream = await scriptedUpstream((response) => {
    response.setHeader("content-type", "application/json");
    response.end(answer);
  });
  t.after(() => upstream.close());
  const folder = folderWith(upstream, permit);
  let gateway = await startGateway(folder);
  t.after(() => gateway.kill());
  const { key } = gateway;
  assert.ok(key !== null);
  assert.equal(await answered(gateway, key, 10), 10);
  assert.deepEqual(
    Object.keys(await lastFacts(gateway)).filter((name) => name.includes(".")),
    [],
  );
  // The last of it may not be counted yet when it is killed.
  await gateway.kill();
  const group = 'context.spend.group["staff"].month';
  writeFileSync(
    join(folder, "policies", "limit.cedar"),
    limit(`${group} > ${12 * spent + reserved}`) + limit("context.rate.month > 1000", "rate"),
  );
  gateway = await startGateway(folder);
  for (let call = 11; call <= 13; call += 1) {
    assert.equal(await answered(gateway, key, 1), 1, `call ${call}`);
    const facts = await lastFacts(gateway);
    assert.deepEqual(
      [facts["rate.month"], facts["spend.group.staff.month"]],
      [call, (call - 1) * spent + reserved],
    );
  }
  assert.equal(await answered(gateway, key, 1), 0);
  const denied = leavesOf(await readTrail(gateway), "call.decided").at(-1);
  const explained = gateway.cli("policy", "explain", denied?.call ?? "");
  assert.equal(explained.status, 0, explained.stdout + explained.stderr);
  assert.match(explained.stdout, /context\.spend\.group/);
  await gateway.close();
});

test("OpenAI's SDK raises its own rate limit error, and does not try again before a month is over", async (t) => {
  const upstream = await scriptedUpstream((response) => void response.end(answer));
  t.after(() => upstream.close());
  const folder = folderWith(upstream, `${permit}\n${limit("context.rate.month > 0")}`);
  const gateway = await startGateway(folder);
  t.after(() => gateway.kill());
  let attempts = 0;
  const client = new OpenAI({
    baseURL: `${gateway.url}/v1`,
    apiKey: gateway.key ?? "",
    maxRetries: 3,
    fetch: (...request) => {
      attempts += 1;
      return fetch(...request);
    },
  });
  const call = client.chat.completions.create({
    model: "up/m",
    messages: [{ role: "user", content: "Hello" }],
  });
  await assert.rejects(call, (fault) => {
    assert.ok(fault instanceof OpenAI.RateLimitError);
    assert.equal(fault.code, "rate_limited");
    assert.ok(Number(fault.headers.get("retry-after")) > 0);
    return true;
  });
  assert.equal(attempts, 1);
  await gateway.close();
});
