import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openTestGateway, type TestGateway } from "./gateway.test-support.ts";
import { listModels } from "./list-models.ts";
import { openPolicies } from "./policies.test-support.ts";

const policies = `
@id("assistant-chats") permit (principal, action == Portcullis::Action::"chat", resource in Portcullis::Provider::"demo")
when { resource != Portcullis::Model::"demo/embedder" };
@id("assistant-embeds") permit (
  principal, action == Portcullis::Action::"embed", resource == Portcullis::Model::"demo/embedder"
);
@id("up") permit (principal, action, resource in Portcullis::Provider::"up");
@id("no-large") forbid (principal, action, resource == Portcullis::Model::"demo/assistant-large");
@id("ask-first") @approval("finance") forbid (principal, action, resource == Portcullis::Model::"up/held")
unless { context.approvals.contains("finance") };
`;

const aliases = {
  fast: ["demo/assistant"],
  large: ["demo/assistant-large", "demo/assistant"],
  careful: ["up/held"],
  elsewhere: ["other/m"],
};

let gateway: TestGateway;

before(async () => {
  gateway = await openTestGateway({ policies, aliases });
});
after(() => gateway[Symbol.asyncDispose]());

function listed(id: string | null, key = gateway.key) {
  return listModels(gateway.parts, { authorization: `Bearer ${key}` }, "10.1.2.3", id);
}

test("what the caller's policies permit is listed, for chat or embeddings, and nothing else", () => {
  const models = listed(null);
  assert.ok(models.ok && "data" in models.value);
  assert.deepEqual(
    models.value.data.map(({ id, owned_by }) => [id, owned_by]),
    [
      ["fast", "demo"],
      ["careful", "up"],
      ["demo/assistant", "demo"],
      ["demo/embedder", "demo"],
      ["up/held", "up"],
    ],
    "an alias is what its first target is, and one that waits for a sign-off counts as permitted",
  );
  assert.deepEqual(models.value.data[0], { id: "fast", object: "model", created: 0, owned_by: "demo" });
});

test("one model is found by its name or alias, and by any name that an open provider may pass on", () => {
  for (const id of ["fast", "careful", "demo/assistant", "up/anything/at-all"]) {
    const model = listed(id);
    assert.ok(model.ok && "id" in model.value);
    assert.equal(model.value.id, id);
  }
});

test("a model that is not there and one that is forbidden are told apart by nobody", () => {
  for (const id of [
    "large",
    "demo/assistant-large",
    "elsewhere",
    "other/m",
    "demo/nothing",
    "nobody/m",
    "",
    "m",
  ]) {
    assert.deepEqual(listed(id), { ok: false, failure: { reason: "model_not_found", model: id } });
  }
});

test("without a valid key nothing is listed", () => {
  for (const [key, reason] of [
    ["", "missing_api_key"],
    ["pcl_wrong", "invalid_api_key"],
  ] as const) {
    for (const id of [null, "fast"]) {
      const models = listed(id, key);
      assert.ok(!models.ok);
      assert.equal(models.failure.reason, reason);
    }
  }
});

test("listing is no call: nothing of it is on the trail", async () => {
  const size = (await gateway.all()).length;
  listed(null);
  listed("fast");
  assert.equal((await gateway.all()).length, size);
});

test("with policies that permit nothing the list is empty, and with open ones it is all there is", async () => {
  for (const [text, count] of [
    ['@id("none") forbid (principal, action, resource);', 0],
    [openPolicies, 3],
  ] as const) {
    await using other = await openTestGateway({ policies: text });
    const models = listModels(other.parts, { "x-api-key": other.key }, "10.1.2.3", null);
    assert.ok(models.ok && "data" in models.value);
    assert.equal(models.value.data.length, count);
  }
});
