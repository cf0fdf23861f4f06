import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

const inForce = "the changed config is in force";

function ask(gateway: TestGateway, model: string, stream = false): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model, stream, messages: [{ role: "user", content: "Hello" }] }),
  });
}

test("a changed config is in force after SIGHUP, on record first, and a call under way ends with the old one", async (t) => {
  const upstream = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write('data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n');
    upstream.emit("answering", response);
  });
  upstream.listen(0, "127.0.0.1");
  t.after(() => upstream.close());
  await once(upstream, "listening");
  const { port } = upstream.address() as AddressInfo;
  const config = (models: string): string => `providers:
  up: { type: openai, base_url: "http://127.0.0.1:${port}/v1" }
  demo: { type: demo }
models:
  ${models}
applications:
  - { name: assistant }
`;
  const gateway = await startGateway(
    testFolder({ "portcullis.yaml": config("- { name: fast, targets: [demo/assistant] }") }),
  );
  t.after(() => gateway.kill());
  const file = join(gateway.folder, "portcullis.yaml");
  const answering = once(upstream, "answering");
  const running = await ask(gateway, "up/m", true);
  const [response]: ServerResponse[] = await answering;

  assert.equal((await ask(gateway, "quick")).status, 404);
  const changed = config("- { name: quick, targets: [demo/assistant] }").replace(/^ {2}up: .*\n/m, "");
  writeFileSync(file, changed);
  await gateway.hangUp(inForce);
  assert.equal((await ask(gateway, "quick")).status, 200);
  assert.equal((await ask(gateway, "fast")).status, 404);
  assert.equal((await ask(gateway, "up/m")).status, 404);
  assert.equal(leavesOf(await readTrail(gateway), "config.activated").length, 2);

  response?.end('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
  assert.match(await running.text(), /\[DONE\]/, "its provider was not taken from under it");
  await gateway.close();
});

test("a config that cannot be used, or that does not go with the policies, leaves everything as it was", async (t) => {
  const gateway = await startGateway();
  t.after(() => gateway.kill());
  const file = join(gateway.folder, "portcullis.yaml");
  const good = readFileSync(file, "utf8");
  const policies = join(gateway.folder, "policies", "own.cedar");
  writeFileSync(
    policies,
    '@id("only-assistant") forbid (principal, action, resource) unless { principal == Portcullis::Application::"assistant" };',
  );
  writeFileSync(file, `${good}\nnonsense: true\n`);
  assert.match(await gateway.hangUp("the old one stays in force"), /nonsense/);
  assert.equal((await ask(gateway, "fast")).status, 200);

  writeFileSync(file, good.replace("- name: assistant", "- name: somebody"));
  await gateway.hangUp("does not go with the policies");
  assert.equal((await ask(gateway, "fast")).status, 200, "its application is still there");

  writeFileSync(file, good.replace("listen:", "public_url: http://localhost:1\n  listen:"));
  await gateway.hangUp("take effect at the next start");
  await gateway.close();
});
