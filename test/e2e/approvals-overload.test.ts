// Connections that are all taken by clients that wait for people: some are told to come back, so that others get in, and
// nothing of what waits is lost.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { Agent, get, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ApprovalSummary } from "../../src/http/admin/approvals.ts";
import { asOwner } from "./held-call.ts";
import { startGateway, testFolder } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

const config = `server: { listen: "127.0.0.1:0" }
providers: { demo: { type: demo } }
groups: { operators: [owner@localhost] }
sign_offs: { default: { approvers: ["group:operators"] } }
limits: { connections: 10 }
applications: [{ name: assistant }]
`;

const sendEmail = {
  type: "function",
  function: { name: "send_email", parameters: { type: "object", properties: { to: { type: "string" } } } },
};

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

test("clients that wait make room for others when there are too many connections, and lose nothing", async (t) => {
  const folder = testFolder({ "portcullis.yaml": config });
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const gateway = await startGateway(folder);
  t.after(() => gateway.kill());
  /** A call on a connection of its own. */
  const call = (name: string) => {
    const answer = Promise.withResolvers<Answer>();
    const sent = request(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      agent: new Agent(),
      headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    });
    sent.on("error", answer.reject).on("response", async (response) => {
      const { statusCode: status, headers } = response;
      answer.resolve({ status, headers, text: await text(response) });
    });
    const content = `Send an email to ana@example.com about ${name} saying "Hi"`;
    sent.end(
      JSON.stringify({ model: "demo/assistant", messages: [{ role: "user", content }], tools: [sendEmail] }),
    );
    return answer.promise;
  };
  const healthy = async (): Promise<number | undefined> => {
    const response = Promise.withResolvers<IncomingMessage>();
    get(`${gateway.url}/healthz`, { agent: new Agent() }, response.resolve).on("error", response.reject);
    return (await response.promise).resume().statusCode;
  };
  const calls = Array.from({ length: 10 }, (_, at) => call(`order ${at}`));
  // Read where it is kept: a look by HTTP would take a connection.
  while (leavesOf(await readTrail(gateway), "approval.requested").length < 10) await nextTurn();
  const pushedOut = Promise.race(calls.map(async (answer, at) => ({ at, ...(await answer) })));
  assert.equal(await healthy(), 503, "there is no room for it");
  const { at: first, ...told } = await pushedOut;
  assert.equal(told.status, 409, told.text);
  assert.match(told.text, /"approval_pending"/);
  assert.match(told.headers.location ?? "", /\/approvals\/apr_/);
  assert.deepEqual([told.headers["retry-after"], told.headers["x-should-retry"]], ["5", "true"]);
  while ((await healthy()) !== 200);

  const ask = asOwner(gateway);
  const waiting: readonly ApprovalSummary[] = (await ask("GET", "/approvals?state=pending")).json.approvals;
  assert.equal(waiting.length, 10);
  for (const { id, digest } of waiting) {
    const voted = await ask("POST", `/approvals/${id}/votes`, { decision: "approve", digest });
    assert.equal(voted.status, 200, voted.text);
  }
  const answers = await Promise.all(calls.map((answer, at) => (at === first ? call(`order ${at}`) : answer)));
  for (const { status, text: body } of answers)
    assert.deepEqual([status, body.includes('"tool_calls"')], [200, true]);
  const decided = leavesOf(await readTrail(gateway), "action.decided");
  assert.equal(decided.length, 20, "nothing was asked for twice");
  await gateway.stop();
});
