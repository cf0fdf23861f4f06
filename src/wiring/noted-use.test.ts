import assert from "node:assert/strict";
import { test } from "node:test";
import type { ModelProvider, ProviderRequest } from "../providers/provider.ts";
import { notingUse } from "./noted-use.ts";

const request: ProviderRequest = {
  endpoint: "embeddings",
  body: new Uint8Array(),
  headers: {},
  maxResponseBytes: 1,
  signal: new AbortController().signal,
};

function bench(type: ModelProvider["type"]) {
  const happened: string[] = [];
  const note = {
    endKept: false,
    fault: null as Error | null,
    end: async (why: string) => {
      if (note.fault !== null) throw note.fault;
      happened.push(why);
      note.endKept = true;
    },
  };
  const provider: ModelProvider = {
    name: "up",
    type,
    models: ["a"],
    asksForStreamUsage: true,
    send: async () => {
      happened.push("sent");
      return { ok: true, value: { kind: "whole", status: 200, headers: {}, body: Buffer.alloc(0) } };
    },
    close: async () => void happened.push("closed"),
  };
  return { happened, note, provider };
}

test("the first use of a provider is put down before it is sent, and later ones cost nothing", async () => {
  const { happened, note, provider } = bench("openai");
  const noting = notingUse(provider, note);
  const { name, type, models, asksForStreamUsage } = noting;
  assert.deepEqual([name, type, models, asksForStreamUsage], ["up", "openai", ["a"], true]);
  assert.ok((await noting.send(request)).ok);
  assert.ok((await noting.send(request)).ok);
  await noting.close();
  assert.deepEqual(happened, ["provider_used", "sent", "sent", "closed"]);
  assert.equal(notingUse(provider, note), provider);
});

test("what cannot be put down is not sent, and the next request tries again", async () => {
  const { happened, note, provider } = bench("openai");
  const noting = notingUse(provider, note);
  note.fault = new Error("the disk is full");
  const refused = await noting.send(request);
  assert.ok(!refused.ok);
  assert.deepEqual([refused.failure.reason, refused.failure.unsent, happened], ["unavailable", true, []]);
  note.fault = null;
  assert.ok((await noting.send(request)).ok);
  assert.deepEqual(happened, ["provider_used", "sent"]);
});

test("the demo model may be used without a word", async () => {
  const { happened, note, provider } = bench("demo");
  assert.equal(notingUse(provider, note), provider);
  await provider.send(request);
  assert.deepEqual(happened, ["sent"]);
});
