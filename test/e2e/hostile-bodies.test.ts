// Bodies that nobody should send: every one gets a clean answer, nothing of them leaves, and the trail has them all.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { type ScriptedUpstream, scriptedUpstream } from "./scripted-upstream.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { completionOf, leavesOf, readTrail } from "./trail.ts";

type Body = string | Uint8Array<ArrayBuffer>;

const seed = 20_261_125;
const numRuns = 150;

let upstream: ScriptedUpstream;
let gateway: TestGateway;
const statuses = new Map<string, number>();

before(async () => {
  upstream = await scriptedUpstream((response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end('{"id":"x","choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}');
  });
  const config = `providers:
  up: { type: openai, base_url: "${upstream.baseUrl}" }
  demo: { type: demo }
applications:
  - { name: assistant }
`;
  gateway = await startGateway(testFolder({ "portcullis.yaml": config }));
});
after(async () => {
  upstream.close();
  await gateway.close().finally(() => gateway.kill());
});

async function send(body: Body, headers: Readonly<Record<string, string>> = {}) {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json", ...headers },
    body,
  });
  const call = answer.headers.get("x-portcullis-call");
  if (call !== null) statuses.set(call, answer.status);
  return { status: answer.status, call, type: answer.headers.get("content-type"), text: await answer.text() };
}

/** A 4xx in OpenAI's shape, with a message for people; returns the error. */
function refusalOf(
  answer: Awaited<ReturnType<typeof send>>,
  about: string,
): { readonly code: string; readonly message: string } {
  assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} for ${about}`);
  assert.match(answer.type ?? "", /^application\/json/);
  const { error, portcullis } = JSON.parse(answer.text);
  assert.equal(portcullis.call, answer.call);
  assert.ok(error.message !== "" && error.type !== "" && "param" in error, answer.text);
  return error;
}

/** Refused with the code and in such words, before anything of it leaves. */
async function assertRefused(body: Body, code: RegExp, says = /./, headers = {}): Promise<void> {
  const sent = upstream.bodies.length;
  const about = Buffer.from(body).toString("latin1").slice(0, 200);
  const error = refusalOf(await send(body, headers), about);
  assert.match(error.code, code, about);
  assert.match(error.message, says, about);
  assert.equal(upstream.bodies.length, sent, about);
}

const chat = (rest: string, content = '"x"'): string =>
  `{"model":"up/gpt-x","messages":[{"role":"user","content":${content}}]${rest}}`;
const bytes = (...parts: readonly (string | readonly number[])[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(
    parts.flatMap((part) => (typeof part === "string" ? [...Buffer.from(part, "latin1")] : part)),
  );

test("random bytes are refused as what they are", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (random) => {
      await assertRefused(Uint8Array.from(random), /^invalid_json$|^invalid_request$/);
    }),
    { seed, numRuns },
  );
});

test("a request with some bytes changed is answered or refused, and is never a fault", async () => {
  const sound = Buffer.from(chat(',"n":2,"stop":["a"],"user":"é"', '[{"type":"text","text":"\\u00e9"}]'));
  const change = fc.tuple(fc.nat({ max: sound.length - 1 }), fc.integer({ min: 0, max: 255 }));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const body = Uint8Array.from(sound);
      for (const [at, byte] of changes) body[at] = byte;
      const answer = await send(body);
      if (answer.status !== 200) refusalOf(answer, Buffer.from(body).toString("latin1"));
    }),
    { seed, numRuns },
  );
});

test("any JSON in the place of any field is answered or refused, and is never a fault", async () => {
  const fields =
    "model messages stream stream_options n tools tool_choice functions function_call stop user logprobs max_tokens max_completion_tokens modalities prediction response_format metadata store reasoning web_search_options x";
  const value = fc.jsonValue({ maxDepth: 4 });
  const odd = fc.oneof(
    value,
    fc.array(fc.record({ role: value, content: value, type: value }), { maxLength: 3 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.constantFrom(...fields.split(" ")), odd, { minKeys: 1, maxKeys: 3 }),
      fc.constantFrom("demo/assistant", "up/gpt-x"),
      async (changed, model) => {
        const body = { model, messages: [{ role: "user", content: "x" }], ...changed };
        const answer = await send(JSON.stringify(body));
        if (answer.status !== 200) {
          assert.ok(answer.status < 500, `${answer.status} for ${JSON.stringify(body)}: ${answer.text}`);
          assert.equal(typeof JSON.parse(answer.text).error.message, "string");
        }
      },
    ),
    { seed, numRuns },
  );
});

test("nesting is refused beyond the limit, however deep, and passes up to it", async () => {
  const nested = (depth: number): string => chat(`,"logit_bias":${"[".repeat(depth)}${"]".repeat(depth)}`);
  assert.equal((await send(nested(63))).status, 200);
  await assertRefused(nested(64), /^invalid_json$/, /deep/);
  await assertRefused(
    chat(`,"logit_bias":${'{"a":'.repeat(64)}1${"}".repeat(64)}`),
    /^invalid_json$/,
    /deep/,
  );
  await assertRefused("[".repeat(10_000_000), /^invalid_json$/, /deep/);
  await assertRefused('{"a":'.repeat(1_000_000), /^invalid_json$/, /deep/);
});

test("numbers that no reader can be sure of are refused", async () => {
  for (const number of ["1e999", "-1e999", "1e400", `1${"0".repeat(400)}`]) {
    await assertRefused(chat(`,"temperature":${number}`), /^invalid_json$/);
    await assertRefused(chat(`,"logit_bias":{"a":[${number}]}`), /^invalid_json$/);
  }
  for (const number of ["01", "+1", ".5", "1.", "0x10", "NaN", "Infinity", "1e", "--1", "1_000"]) {
    await assertRefused(chat(`,"temperature":${number}`), /^invalid_json$/);
  }
  for (const number of ["99999999999999999999", "-2", "1.5", "1e300", '"5"', "[5]"]) {
    await assertRefused(chat(`,"max_tokens":${number}`), /^invalid_request$/);
    await assertRefused(chat(`,"n":${number}`), /^invalid_request$/);
  }
});

test("a key that is there twice is refused, however it is written and wherever it is", async () => {
  for (const body of [
    '{"model":"up/gpt-x","model":"up/gpt-y","messages":[]}',
    chat(',"mod\\u0065l":"up/other"'),
    chat(',"\\u006dodel":"up/gpt-x"'),
    chat(',"stream":false,"str\\u0065am":true'),
    chat(',"tools":[{"type":"function","function":{"name":"a","n\\u0061me":"b"}}]'),
    chat("", '[{"type":"text","text":"a","te\\u0078t":"b"}]'),
    chat(',"metadata":{"__proto__":1,"__prot\\u006f__":2}'),
    chat(',"metadata":{"":1,"":2}'),
    chat(',"metadata":{"\\ud83d\\udc4b":1,"👋":2}'),
  ]) {
    await assertRefused(body, /^invalid_json$/, /twice/);
  }
});

test("bytes that are not UTF-8 and halves of surrogate pairs are refused", async () => {
  for (const invalid of [
    [0xff],
    [0xc0, 0x80],
    [0xe2, 0x82],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xf0, 0x9f, 0x91],
  ]) {
    await assertRefused(
      bytes('{"model":"up/gpt-x","messages":[{"role":"user","content":"', invalid, '"}]}'),
      /^invalid_json$/,
      /UTF-8/,
    );
    await assertRefused(bytes('{"', invalid, '":1,', chat("").slice(1)), /^invalid_json$/, /UTF-8/);
  }
  await assertRefused(bytes([0xef, 0xbb, 0xbf], chat("")), /^invalid_json$/, /no place/);
  await assertRefused(Uint8Array.from(Buffer.from(chat(""), "utf16le")), /^invalid_json$/, /no place/);
  for (const half of ['"\\ud800"', '"\\udc00"', '"\\udc4b\\ud83d"', '"\\ud83dx"', '"\\uD83D\\n"']) {
    await assertRefused(chat("", half), /^invalid_json$/, /lone surrogate/);
    await assertRefused(chat(`,"metadata":{${half}:1}`), /^invalid_json$/, /lone surrogate/);
  }
});

test("a body that is not JSON by its content type is refused before it is read", async () => {
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "application/json-seq",
    "application",
    "*/*",
    "text/plain; application/json",
  ]) {
    await assertRefused(chat(""), /^unsupported_media_type$/, /application\/json/, { "content-type": type });
  }
});

test("a compressed body is not decompressed: it is refused, and a bomb costs nothing", async () => {
  const body = Buffer.from(chat(""));
  for (const [encoding, packed] of [
    ["gzip", gzipSync(body)],
    ["deflate", deflateSync(body)],
    ["br", brotliCompressSync(body)],
    ["gzip", gzipSync(Buffer.alloc(64 * 1024 * 1024, " "))],
  ] as const) {
    const answer = await send(Uint8Array.from(packed), { "content-encoding": encoding });
    refusalOf(answer, encoding);
  }
});

test("every call of these is on record once, with the status that its client got", async () => {
  assert.ok(statuses.size > 3 * numRuns);
  const trail = await readTrail(gateway);
  const completed = new Map(leavesOf(trail, "call.completed").map((leaf) => [leaf.call, leaf.status]));
  assert.deepEqual(completed, statuses);
  assert.equal(leavesOf(trail, "call.decided").length, statuses.size);
  const healthy = await send(chat(""));
  assert.equal(healthy.status, 200);
  assert.equal((await completionOf(gateway, healthy.call))?.outcome, "ok");
});
