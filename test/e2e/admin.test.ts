import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import { newId } from "../../src/core/id.ts";
import { adminBench, asOperator, recordCall } from "./admin-bench.ts";
import { testFolder } from "./test-gateway.ts";

interface LoggedGateway {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly url: string;
  readonly token: string;
  /** All that it has written to stdout and stderr. */
  readonly output: () => string;
}

let gateway: LoggedGateway;
let ask: ReturnType<typeof asOperator>;

before(async () => {
  gateway = await loggedGateway();
  ask = asOperator(gateway.url, gateway.token);
});
after(async () => {
  gateway.child.kill("SIGTERM");
  if (gateway.child.exitCode === null) await once(gateway.child, "exit");
  await rm(gateway.folder, { recursive: true });
});

/** A gateway that logs as much as it can. */
async function loggedGateway(): Promise<LoggedGateway> {
  const folder = testFolder({
    "portcullis.yaml":
      "log: { level: debug }\nproviders:\n  demo: { type: demo }\napplications:\n  - name: assistant\n",
  });
  const child = spawn(
    resolve(import.meta.dirname, "../../bin/portcullis"),
    ["up", "--dir", folder, "--listen", "127.0.0.1:0"],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  await new Promise<void>((listens, fails) => {
    const note = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes('"listening"')) listens();
    };
    child.stdout.on("data", note);
    child.stderr.on("data", note);
    child.once("exit", () => fails(new Error(output)));
  });
  const { url, token } = JSON.parse(readFileSync(join(folder, "data", "operator.json"), "utf8"));
  return { child, folder, url, token, output: () => output };
}

function assertError(answer: Awaited<ReturnType<typeof ask>>, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.deepEqual(Object.keys(answer.json), ["error"]);
  assert.deepEqual(Object.keys(answer.json.error), ["code", "message"]);
  assert.equal(answer.json.error.code, code);
  assert.match(answer.json.error.message, /^[a-z`].*[^.]$/s);
  assert.equal(answer.headers.get("cache-control"), "no-store");
}

test("the OpenAPI document describes every route: what it takes, what it answers, its errors", async (t) => {
  const bench = await adminBench(t);
  const { json: document } = await asOperator(bench.url)("GET", "/openapi.json");
  assert.deepEqual(document, (await ask("GET", "/openapi.json")).json, "the gateway's is the same");
  assert.match(document.openapi, /^3\.1\./);
  assert.deepEqual(document.security, [{ operator: [] }]);
  assert.ok(document.components.securitySchemes.operator.scheme === "bearer");

  const described = Object.entries<Record<string, unknown>>(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const routes = bench.routes
    .filter(({ method }) => method !== "HEAD")
    .map(({ method, url }) => `${method} ${url.replace(/:(\w+)/g, "{$1}").replace("*", "{name}")}`);
  assert.deepEqual(described.toSorted(), routes.toSorted());

  const operationIds = new Set<string>();
  for (const [path, operations] of Object.entries<Record<string, Record<string, unknown>>>(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      checkOperation(`${method} ${path}`, path, operation, document);
      operationIds.add(String(operation["operationId"]));
    }
  }
  assert.equal(operationIds.size, described.length, "operation ids are unique");
  for (const [, name = ""] of JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)) {
    assert.ok(name.replace("#/components/schemas/", "") in document.components.schemas, name);
  }
  const text = JSON.stringify(document);
  for (const name of Object.keys(document.components.schemas)) {
    assert.ok(text.includes(`"#/components/schemas/${name}"`), `${name} is used`);
  }
});

function checkOperation(
  name: string,
  path: string,
  operation: Record<string, unknown>,
  document: { readonly tags: readonly { readonly name: string }[] },
): void {
  assert.match(String(operation["operationId"]), /^[a-z][A-Za-z]+$/, name);
  assert.ok(String(operation["summary"]).length > 5, name);
  const known = document.tags.map((tag) => tag.name);
  if (!path.endsWith("openapi.json")) {
    for (const tag of Object(operation["tags"])) assert.ok(known.includes(tag), name);
  }
  const parameters: readonly { in: string; name: string; required?: boolean; schema: object }[] = Object(
    operation["parameters"] ?? [],
  );
  const inPath = [...path.matchAll(/\{([^}]+)\}/g)].map(([, parameter]) => parameter);
  const described = parameters.filter((one) => one.in === "path").map((one) => one.name);
  assert.deepEqual(described, inPath, name);
  for (const parameter of parameters) assert.ok(Object.keys(parameter.schema).length > 0, name);
  if (operation["requestBody"] !== undefined) {
    const { schema } = Object(operation["requestBody"]).content["application/json"];
    assert.equal(schema.additionalProperties, false, `${name} takes no unknown members`);
  }
  const responses = Object.entries<Record<string, unknown>>(Object(operation["responses"]));
  assert.ok(responses.some(([status]) => status.startsWith("2")));
  for (const status of ["400", "401", "500"])
    assert.ok(
      responses.some(([one]) => one === status),
      name,
    );
  for (const [status, response] of responses) {
    const isStream = path === "/api/events" && status === "200";
    const { schema } = Object(response["content"])[isStream ? "text/event-stream" : "application/json"];
    assert.ok(Object.keys(schema).length > 0, `${name} ${status}`);
    assert.notEqual(response["description"], "Default Response", `${name} ${status}`);
    if (!status.startsWith("2")) assert.deepEqual(schema, { $ref: "#/components/schemas/Error" });
  }
}

test("without an operator's token nothing is told, not even what there is", async () => {
  for (const [authorization, challenge] of [
    [undefined, 'Bearer realm="portcullis"'],
    ["Bearer", 'Bearer realm="portcullis"'],
    [`Basic ${gateway.token}`, 'Bearer realm="portcullis"'],
    ["Bearer pco_wrong", 'Bearer realm="portcullis", error="invalid_token"'],
    [`Bearer ${gateway.token}x`, 'Bearer realm="portcullis", error="invalid_token"'],
  ] as const) {
    for (const path of ["/keys", "/openapi.json", "/nothing"]) {
      const answer = await fetch(`${gateway.url}/api${path}`, {
        headers: authorization === undefined ? {} : { authorization },
      });
      assert.equal(answer.status, 401, `${authorization} ${path}`);
      assert.equal(answer.headers.get("www-authenticate"), challenge);
      const text = await answer.text();
      assert.equal(JSON.parse(text).error.code, "unauthorized");
      assert.ok(!text.includes(gateway.token));
    }
  }
  const key = /pcl_[\w-]+/.exec(gateway.output())?.[0] ?? "";
  assertError(await asOperator(gateway.url, key)("GET", "/keys"), 401, "unauthorized");
});

test("what cannot be understood is refused with one shape of error, and the gateway lives", async () => {
  const unread = [
    "",
    "{",
    "null",
    "[]",
    '"text"',
    "[".repeat(100_000),
    '{"application":"assistant","application":"other"}',
    '{"application":"\\ud800"}',
    '{"__proto__":{"application":"assistant"}}',
    '{"application":"assistant","admin":true}',
    '{"application":{"toString":"x"}}',
    '{"application":""}',
    `{"application":"${"x".repeat(1_000)}"}`,
    '{"application":"unheard of"}',
    '{"application":1e999}',
  ];
  for (const body of unread) assertError(await ask("POST", "/keys", body), 400, "invalid_request");
  const invalid = await fetch(`${gateway.url}/api/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.token}`, "content-type": "application/json" },
    body: Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
  });
  assert.equal(invalid.status, 400);

  for (const [method, path, status, code] of [
    ["GET", "/keys?page=2", 400, "invalid_request"],
    ["GET", "/keys?limit=0", 400, "invalid_request"],
    ["GET", "/keys?limit=1&limit=2", 400, "invalid_request"],
    ["GET", "/policies?revision=x", 400, "invalid_request"],
    ["GET", "/entries?type=call", 400, "invalid_request"],
    ["GET", "/entries?call=call_1", 400, "invalid_request"],
    ["GET", "/entries?cursor=-1", 400, "invalid_request"],
    ["GET", "/entries?before=x", 400, "invalid_request"],
    ["GET", "/entries/-1", 400, "invalid_request"],
    ["GET", "/entries/1e3", 400, "invalid_request"],
    ["GET", "/entries/999999", 404, "not_found"],
    ["GET", "/entries/999999/payloads", 404, "not_found"],
    ["GET", "/entries/01a2120e-b6fb-7000-9250-ead1e1d3ffcf", 404, "not_found"],
    ["GET", "/usage?by=colour", 400, "invalid_request"],
    ["GET", "/usage?from=yesterday", 400, "invalid_request"],
    ["POST", "/keys/key_unknown/rotate", 404, "not_found"],
    ["POST", "/keys/key_unknown/revoke", 404, "not_found"],
    ["DELETE", "/secrets/unknown", 404, "not_found"],
    ["DELETE", "/secrets/UPPER", 400, "invalid_request"],
    ["DELETE", "/secrets/", 400, "invalid_request"],
    ["PATCH", "/keys", 404, "not_found"],
    ["GET", "/nothing", 404, "not_found"],
  ] as const) {
    assertError(await ask(method, path), status, code);
  }
  assertError(await ask("POST", "/keys/key_unknown/revoke", { now: true }), 400, "invalid_request");
  assertError(await ask("POST", "/keys", `"${"x".repeat(1024 * 1024)}"`), 413, "body_too_large");
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""]) {
    const answer = await fetch(`${gateway.url}/api/keys`, {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.token}`, "content-type": type },
      body: '{"application":"assistant"}',
    });
    assert.equal(answer.status, 415, type);
    assert.equal(Object(await answer.json()).error.code, "unsupported_media_type");
  }
  assert.equal((await ask("GET", "/policies")).status, 200);
});

test("keys are made, rotated and revoked, each once, and say what state they are in", async () => {
  const made = await ask("POST", "/keys", { application: "assistant" });
  assert.equal(made.status, 201);
  assert.deepEqual(
    [made.json.application, made.json.state, made.json.expires],
    ["assistant", "active", null],
  );
  const rotated = await ask("POST", `/keys/${made.json.id}/rotate`);
  assert.equal(rotated.status, 201);
  assert.equal(rotated.json.replaces.id, made.json.id);
  assertError(await ask("POST", `/keys/${made.json.id}/rotate`), 409, "conflict");
  const revoked = await ask("POST", `/keys/${rotated.json.id}/revoke`);
  assert.deepEqual([revoked.status, revoked.json.state], [200, "revoked"]);
  assertError(await ask("POST", `/keys/${rotated.json.id}/revoke`), 409, "conflict");

  const { json: listed } = await ask("GET", "/keys");
  const states = new Map(listed.keys.map((key: { id: string; state: string }) => [key.id, key.state]));
  assert.equal(states.get(made.json.id), "expires");
  assert.equal(states.get(rotated.json.id), "revoked");
  assert.ok(!JSON.stringify(listed).includes(made.json.key));

  const paged: string[] = [];
  for (let cursor = ""; ; ) {
    const { json: page } = await ask("GET", `/keys?limit=1${cursor}`);
    paged.push(...page.keys.map((key: { id: string }) => key.id));
    if (page.next === null) break;
    cursor = `&cursor=${encodeURIComponent(page.next)}`;
  }
  assert.deepEqual(paged, [...states.keys()]);
});

test("a secret's value is in no answer and in no line of the log, whatever is done with it", async () => {
  const value = "sk-hush'\"\\é-0123456789";
  const name = "providers/hush";
  assert.deepEqual((await ask("PUT", `/secrets/${name}`, { value })).json, { name, version: 1 });
  const encoded = encodeURIComponent(name);
  const answers = [
    await ask("PUT", `/secrets/${encoded}`, { value }),
    await ask("PUT", `/secrets/${name}`, { value, note: "x" }),
    await ask("PUT", `/secrets/${name}`, { value: [value] }),
    await ask("PUT", `/secrets/${name}`, `{"value":"${value.slice(0, 7)}`),
    await ask("PUT", `/secrets/${name}`, value),
    await ask("PUT", `/secrets/${name}`, { value: value.repeat(10_000) }),
    await ask("PUT", "/secrets/NOT/A/NAME", { value }),
    await ask("GET", "/secrets"),
    await ask("GET", `/secrets/${name}`),
    await ask("GET", "/entries?limit=200"),
    await ask("DELETE", `/secrets/${encoded}`),
    await ask("DELETE", `/secrets/${encoded}`),
  ];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 400, 400, 400, 400, 400, 400, 200, 404, 200, 200, 404],
  );
  const forms = [value, JSON.stringify(value).slice(1, -1), Buffer.from(value).toString("base64"), "sk-hush"];
  const told = answers.map(({ text }) => text).join("\n") + gateway.output();
  for (const form of forms) assert.ok(!told.includes(form), form);
});

test("what cannot be recorded is not done: 503, and nothing has changed", async () => {
  const before = (await ask("GET", "/keys")).json.keys.length;
  const database = new DatabaseSync(join(gateway.folder, "data", "portcullis.db"));
  database.exec("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE");
  assertError(await ask("POST", "/keys", { application: "assistant" }), 503, "unavailable");
  assertError(await ask("PUT", "/secrets/late", { value: "x" }), 503, "unavailable");
  database.exec("ROLLBACK");
  database.close();
  const { json: keys } = await ask("GET", "/keys");
  assert.equal(keys.keys.length, before);
  assert.ok(!(await ask("GET", "/secrets")).text.includes("late"));
});

test("entries come in pages, newest or oldest first, each once, and not those of others' types", async (t) => {
  const bench = await adminBench(t);
  const read = asOperator(bench.url);
  for (let at = 0; at < 30; at += 1) {
    bench.clock.time += 1_000;
    await recordCall(bench, { request: `{"at":${at}}`, source_address: "::1" });
  }
  const { size } = await bench.storage.log.head();
  const all = Array.from({ length: size }, (_, at) => at);
  assert.deepEqual(await indices(read, "limit=7"), all.toReversed());
  assert.deepEqual(await indices(read, "limit=7&order=oldest"), all);
  assert.deepEqual(await indices(read, "limit=200"), all.toReversed());
  // One is left over for the second page.
  assert.deepEqual(await indices(read, `limit=${size - 1}`), all.toReversed());
  assert.deepEqual(await indices(read, `limit=${size - 1}&order=oldest`), all);
  assert.deepEqual(await indices(read, "limit=3&after=10&before=20"), all.slice(11, 20).toReversed());
  assert.deepEqual(await indices(read, "limit=3&after=10&before=20&order=oldest"), all.slice(11, 20));
  assert.deepEqual(await indices(read, "after=10&before=11"), []);
  const decided = await indices(read, "limit=4&type=call.decided&order=oldest");
  assert.equal(decided.length, 30);
  for (const index of decided)
    assert.equal((await read("GET", `/entries/${index}`)).json.leaf.type, "call.decided");
  const { json: one } = await read("GET", "/entries/5");
  assert.deepEqual((await read("GET", `/entries/${one.leaf.id}`)).json, one);
});

test("what was handed on to a call is found by that call, and by the one that asked", async (t) => {
  const bench = await adminBench(t);
  const [asking, getting] = [newId("call", bench.clock.time), newId("call", bench.clock.time)];
  const released = { ...leafSamples["approval.released"], call: asking, released_to: getting };
  const named = { ...leafSamples["call.decided"], requested_model: getting };
  await bench.trail.append([released, named].map((body) => bench.trail.encode(body, null)));
  for (const call of [asking, getting]) {
    const { json } = await asOperator(bench.url)("GET", `/entries?call=${call}`);
    assert.deepEqual(
      json.entries.map((entry: { leaf: { type: string } }) => entry.leaf.type),
      ["approval.released"],
    );
  }
});

test("what happened to an approval is found by it, and so is nothing else", async (t) => {
  const bench = await adminBench(t);
  const [one, other] = [newId("apr", bench.clock.time), newId("apr", bench.clock.time)];
  const bodies = [
    { ...leafSamples["approval.requested"], approval: one },
    { ...leafSamples["approval.requested"], approval: other },
    { ...leafSamples["approval.voted"], approval: one },
    { ...leafSamples["call.decided"], requested_model: one },
  ];
  await bench.trail.append(bodies.map((body) => bench.trail.encode(body, null)));
  const read = asOperator(bench.url);
  const { json } = await read("GET", `/entries?approval=${one}&order=oldest`);
  assert.deepEqual(
    json.entries.map((entry: { leaf: { type: string } }) => entry.leaf.type),
    ["approval.requested", "approval.voted"],
  );
  assert.equal((await read("GET", "/entries?approval=apr_1")).status, 400);
});

test("a call's entries are found in a long log, also between entries that were recorded late", async (t) => {
  const bench = await adminBench(t);
  const read = asOperator(bench.url);
  const calls: string[] = [];
  const filler = Array.from({ length: 1_500 }, () => ({ ...leafSamples["call.decided"] }));
  for (let hour = 0; hour < 20; hour += 1) {
    const late = Array.from({ length: 20 }, () =>
      bench.trail.encode({ ...leafSamples["call.completed"], call: "call_late" }, null),
    );
    bench.clock.time += 3_600_000;
    calls.push(await recordCall(bench, { request: `{"hour":${hour}}`, source_address: "::1" }));
    await bench.trail.append(
      filler.map((body) => bench.trail.encode({ ...body, call: newId("call", bench.clock.time) }, null)),
    );
    await bench.trail.append(late);
  }
  for (const at of [0, 7, 13, 19]) {
    const { json } = await read("GET", `/entries?order=oldest&call=${calls[at]}`);
    assert.deepEqual(
      json.entries.map((entry: { leaf: { type: string; call: string } }) => [
        entry.leaf.type,
        entry.leaf.call,
      ]),
      [
        ["call.decided", calls[at]],
        ["call.completed", calls[at]],
      ],
    );
    const newest = await indices(read, `call=${calls[at]}`);
    assert.deepEqual(newest, json.entries.map((entry: { index: number }) => entry.index).toReversed());
  }
  const { json: page } = await read("GET", "/entries?type=log.created");
  assert.deepEqual(page.entries, [], "a search that is not through yet has found nothing");
  assert.notEqual(page.next, null);
  assert.deepEqual(await indices(read, "type=log.created"), [0]);
  const unknown = newId("call", bench.clock.time);
  assert.deepEqual(await indices(read, `call=${unknown}`), []);
});

test("an entry that was damaged is shown as that, and stops nothing", async (t) => {
  const bench = await adminBench(t);
  const read = asOperator(bench.url);
  const call = await recordCall(bench, { request: "{}", source_address: "::1" });
  bench.tamper(
    "UPDATE entries SET leaf = CAST(replace(CAST(leaf AS TEXT), '\"v\":1', '\"v\": 1') AS BLOB) WHERE idx = 2",
  );
  const { json } = await read("GET", "/entries/2");
  assert.deepEqual([json.leaf, json.problem], [null, "it is not in canonical form"]);
  assert.equal((await read("GET", "/entries")).status, 200);
  assert.deepEqual(await indices(read, `call=${call}&order=oldest`), [2, 3]);
  assertError(await read("GET", "/entries/2/payloads"), 409, "conflict");
});

test("a fault of the gateway's own is told to its log and not to the client", async (t) => {
  const bench = await adminBench(t);
  bench.tamper("DROP TABLE api_keys");
  assertError(await asOperator(bench.url)("GET", "/keys"), 500, "internal");
  assert.match(String(bench.faults[0]), /api_keys/);
});

/** Of all pages. */
async function indices(read: ReturnType<typeof asOperator>, query: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (let cursor = ""; ; ) {
    const { json } = await read("GET", `/entries?${query}${cursor}`);
    found.push(...json.entries.map((entry: { readonly index: number }) => entry.index));
    if (json.next === null) return found;
    cursor = `&cursor=${json.next}`;
  }
}

test("a revision that was put in force is given out with content that hashes to it, and no other is", async () => {
  const { revision } = (await ask("GET", "/policies")).json;
  const kept = await ask("GET", `/policies/${revision}`);
  assert.equal(kept.status, 200);
  assert.equal(createHash("sha256").update(kept.json.content).digest("hex"), revision);
  assert.match(JSON.stringify(JSON.parse(kept.json.content).files), /applications-may-call-models/);
  assertError(await ask("GET", `/policies/${"0".repeat(64)}`), 404, "not_found");
  for (const name of ["x", "..%2Fentries"]) {
    assertError(await ask("GET", `/policies/${name}`), 400, "invalid_request");
  }
});
