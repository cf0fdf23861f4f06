import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { canonicalJson } from "portcullis-verify/leaves/canonical-json.ts";
import { asOwner, heldCall, invited } from "./held-call.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

const none = "0".repeat(64);
const unknown = "apr_01939f6e-3c2b-7d10-8a53-0d4c5f6a7b8c";

type Ask = ReturnType<typeof asOwner>;

function assertError(answer: Awaited<ReturnType<Ask>>, status: number, code: string, message: RegExp): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json.error.code, code);
  assert.match(answer.json.error.message, message);
  assert.match(answer.json.error.message, /^[a-z`].*[^.]$/s);
}

describe("approvals at a gateway of which nobody else has a token", () => {
  let gateway: TestGateway;
  let ask: Ask;
  let key: string;
  before(async () => {
    gateway = await startGateway();
    ask = asOwner(gateway);
    key = gateway.key ?? "";
  });
  after(() => gateway.close());

  const vote = (id: string, decision: string, digest: string, reason?: string) =>
    ask("POST", `/approvals/${id}/votes`, { decision, digest, ...(reason === undefined ? {} : { reason }) });

  test("what waits is listed with its very bytes, shown on record, and released by the vote", async () => {
    const { approval, answer } = await heldCall(gateway, key);
    assert.equal(approval.tool, "send_email");
    assert.equal(JSON.parse(approval.arguments ?? "").to, "ana@example.com");
    const shown = await ask("GET", `/approvals/${approval.id}`);
    assert.deepEqual(shown.json.approval, approval);
    const digest = createHash("sha256").update(canonicalJson(shown.json.view)).digest("hex");
    assert.equal(shown.json.shown, digest);
    const viewed = leavesOf(await readTrail(gateway), "approval.viewed").filter(
      (leaf) => leaf.shown === digest,
    );
    assert.deepEqual(
      viewed.map((leaf) => [leaf.approval, leaf.digest]),
      [[approval.id, approval.digest]],
    );
    const voted = await vote(approval.id, "approve", approval.digest, "as agreed");
    assert.equal(voted.status, 200, voted.text);
    assert.deepEqual(
      [voted.json.state, voted.json.sign_offs],
      ["approved", [{ name: "default", quorum: 1, given: 1 }]],
    );
    assert.ok((await answer).includes(JSON.stringify(approval.arguments)));
    const after = await ask("GET", `/approvals/${approval.id}`);
    assert.equal(after.json.view.state, "released");
    assert.equal(after.json.view.votes[0].reason, "as agreed");
    assert.equal(after.json.view.votes[0].voter.name, "owner@localhost");
  });

  test("a rejection reaches the client with its reason", async () => {
    const { approval, answer } = await heldCall(gateway, key);
    assert.equal(
      (await vote(approval.id, "reject", approval.digest, "wrong address")).json.state,
      "rejected",
    );
    assert.match(await answer, /was rejected by owner@localhost: wrong address/);
    assertError(await vote(approval.id, "approve", approval.digest), 409, "conflict", /is rejected already/);
  });

  test("whatever is not a decision over these very bytes is refused, says what to do, and is on record", async () => {
    const { approval, answer } = await heldCall(gateway, key);
    const { id, digest } = approval;
    assertError(await vote(id, "approve", none), 409, "conflict", /not that of .* look at it again/);
    assertError(await vote(unknown, "approve", none), 404, "not_found", /no approval/);
    assertError(await vote("apr_1", "approve", none), 400, "invalid_request", /apr_<uuidv7>/);
    assertError(await vote(id, "approve", "x"), 400, "invalid_request", /64 hexadecimal/);
    assertError(await vote(id, "maybe", digest), 400, "invalid_request", /decision/);
    const changed = '{"to":"ben@example.com"}';
    const edit = (bytes: string, over = digest) =>
      ask("POST", `/approvals/${id}/edit`, { digest: over, arguments: bytes });
    assertError(await edit("{"), 400, "invalid_request", /cannot be changed to this: .*described/);
    const edited = await edit(changed);
    assert.deepEqual(
      [edited.status, edited.json.revision, edited.json.arguments],
      [200, 2, changed],
      edited.text,
    );
    assertError(await vote(id, "approve", digest), 409, "conflict", /was edited, and its revision 2/);
    assertError(await edit(changed), 409, "conflict", /was edited/);
    assertError(await vote(id, "approve", edited.json.digest), 403, "forbidden", /you have edited/);
    const revoked = await ask("POST", `/approvals/${id}/revoke`, { reason: "enough" });
    assert.equal(revoked.json.state, "revoked", revoked.text);
    assertError(await ask("POST", `/approvals/${id}/revoke`, {}), 409, "conflict", /is revoked already/);
    await answer;
    const refused = leavesOf(await readTrail(gateway), "approval.vote_refused").filter(
      (leaf) => leaf.approval === id,
    );
    assert.deepEqual(
      refused.map((leaf) => leaf.refused),
      ["other_digest", "undescribable", "superseded", "superseded", "editor", "not_pending"],
    );
  });

  test("of fifty votes at once one counts", async () => {
    const { approval, answer } = await heldCall(gateway, key);
    const decisions = Array.from({ length: 50 }, (_, at) => (at % 2 === 0 ? "approve" : "reject"));
    const votes = await Promise.all(decisions.map((one) => vote(approval.id, one, approval.digest)));
    assert.equal(votes.filter(({ status }) => status === 200).length, 1);
    for (const { status, text } of votes) assert.ok(status === 200 || status === 409, text);
    const { json } = await ask("GET", `/approvals/${approval.id}`);
    assert.equal(json.view.votes.length, 1);
    await answer;
  });

  test("no page of another site, no link and no form decides", async () => {
    const { approval, answer } = await heldCall(gateway, key);
    const url = `${gateway.url}/api/approvals/${approval.id}/votes`;
    const link = await fetch(`${gateway.url}/approvals/${approval.id}`);
    assert.equal(link.status, 200);
    const told = await link.text();
    assert.match(told, new RegExp(`portcullis approvals show ${approval.id}`));
    assert.doesNotMatch(told, /send_email|@/, "of what waits it says nothing");
    assert.equal((await fetch(`${gateway.url}/approvals/apr_<b>`)).status, 404);
    const { token } = JSON.parse(await readOperatorFile(gateway));
    const authorization = `Bearer ${token}`;
    const body = JSON.stringify({ decision: "approve", digest: approval.digest });
    const post = (headers: Record<string, string>): Promise<Response> =>
      fetch(url, {
        method: "POST",
        body,
        headers: { authorization, "content-type": "application/json", ...headers },
      });
    for (const headers of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: gateway.url.replace(/\d+$/, "1") },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site", origin: gateway.url },
    ]) {
      assert.equal((await post(headers)).status, 403, JSON.stringify(headers));
    }
    assert.equal((await post({ "content-type": "text/plain" })).status, 415);
    assert.equal((await post({ "content-type": "application/x-www-form-urlencoded" })).status, 415);
    assert.equal((await post({ authorization: "", cookie: `token=${token}` })).status, 401);
    for (const method of ["GET", "HEAD", "PUT", "DELETE"]) {
      const answered = await fetch(url, { method, headers: { authorization } });
      assert.deepEqual([answered.status, answered.headers.get("allow")], [405, "POST"], method);
    }
    const size = (await readTrail(gateway)).length;
    const head = await fetch(`${gateway.url}/api/approvals/${approval.id}`, {
      method: "HEAD",
      headers: { authorization },
    });
    assert.equal(head.status, 404);
    assert.equal((await readTrail(gateway)).length, size);
    assert.equal((await ask("GET", "/approvals?state=pending")).json.approvals[0].state, "pending");
    assert.equal((await post({ origin: gateway.url })).status, 200, "a page of our own may");
    await answer;
  });

  test("lists go by state and by the beginning of an id, in pages that leave out none", async () => {
    const { json } = await ask("GET", "/approvals");
    const all: readonly { readonly id: string; readonly state: string }[] = json.approvals;
    const found: string[] = [];
    for (let cursor = ""; ; ) {
      const page = (await ask("GET", `/approvals?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`)).json;
      found.push(...page.approvals.map(({ id }: { id: string }) => id));
      if (page.next === null) break;
      cursor = page.next;
    }
    assert.deepEqual(
      found,
      all.map(({ id }) => id),
    );
    const first = all[0]?.id ?? "";
    const begun = await ask("GET", `/approvals?id=${first.slice(0, -1)}`);
    assert.deepEqual(
      begun.json.approvals.map(({ id }: { id: string }) => id),
      [first],
    );
    const states = await ask("GET", "/approvals?state=rejected,revoked");
    for (const { state } of states.json.approvals) assert.match(state, /^(?:rejected|revoked)$/);
    assertError(await ask("GET", "/approvals?state=open"), 400, "invalid_request", /takes states/);
    assertError(await ask("GET", "/approvals?id=x"), 400, "invalid_request", /beginning of an id/);
  });
});

test("people decide by tokens of their own: a quorum of two, four eyes, and nobody twice", async (t) => {
  const gateway = await startGateway(
    testFolder({
      "portcullis.yaml": `providers: { demo: { type: demo } }
groups: { operators: [ben@example.com, cleo@example.com, dora@example.com] }
sign_offs: { default: { approvers: ["group:operators"], quorum: 2 } }
tools: { send_email: { effect: write } }
applications: [{ name: assistant, owner: dora@example.com }]
`,
    }),
  );
  t.after(() => gateway.close());
  const owner = asOwner(gateway);
  const [ben, cleo, dora, eve] = ["ben", "cleo", "dora", "eve"].map((name) =>
    invited(gateway, `${name}@example.com`),
  );
  assert.ok(ben && cleo && dora && eve);
  const { approval, answer } = await heldCall(gateway, gateway.key ?? "");
  const approve = (ask: Ask) =>
    ask("POST", `/approvals/${approval.id}/votes`, { decision: "approve", digest: approval.digest });
  assertError(
    await approve(owner),
    403,
    "forbidden",
    /own token gives no sign-offs: people have been invited/,
  );
  assertError(await approve(eve), 403, "forbidden", /none of the sign-offs .*\(default\)/);
  assertError(await approve(dora), 403, "forbidden", /policy does not let you decide .*`four-eyes`/);
  const first = await approve(ben);
  assert.deepEqual([first.json.state, first.json.sign_offs[0].given], ["pending", 1], first.text);
  assertError(await approve(ben), 409, "conflict", /voted on .* before/);
  assert.equal((await approve(cleo)).json.state, "approved");
  assert.match(await answer, /"tool_calls"/);
  const { json } = await dora("GET", `/approvals/${approval.id}`);
  assert.deepEqual(
    json.view.votes.map((one: { voter: { name: string }; method: string }) => [one.voter.name, one.method]),
    [
      ["ben@example.com", "token"],
      ["cleo@example.com", "token"],
    ],
  );
});

async function readOperatorFile({ folder }: TestGateway): Promise<string> {
  return readFile(`${folder}/data/operator.json`, "utf8");
}
