import assert from "node:assert/strict";
import { test } from "node:test";
import { DemoProvider } from "./demo/demo-provider.ts";
import type { CircuitState } from "./target-health.ts";
import { UpstreamHealth } from "./upstream-health.ts";

const changes: (readonly [string, CircuitState])[] = [];
const open = (): UpstreamHealth =>
  new UpstreamHealth({
    now: () => 0,
    random: () => 0,
    onCircuit: ({ provider, model }, state) => void changes.push([`${provider}/${model}`, state]),
  });

function fails(health: ReturnType<UpstreamHealth["of"]>): void {
  for (let at = 0; at < 5; at += 1) {
    health.enter("first");
    health.left("go", "failed");
  }
}

test("each model of each provider has its own health, and a provider made anew begins anew", () => {
  const upstreams = open();
  const demo = new DemoProvider("demo");
  fails(upstreams.of(demo, "assistant"));
  assert.deepEqual(changes, [["demo/assistant", "open"]]);
  assert.equal(upstreams.of(demo, "assistant").state, "open");
  assert.equal(upstreams.of(demo, "embedder").state, "closed");
  assert.equal(upstreams.of(new DemoProvider("demo"), "assistant").state, "closed");
});

test("names that clients make up are not kept without end", () => {
  const upstreams = open();
  const demo = new DemoProvider("demo");
  const first = upstreams.of(demo, "model-0");
  const second = upstreams.of(demo, "model-1");
  for (let at = 2; at < 1000; at += 1) upstreams.of(demo, `model-${at}`);
  assert.equal(upstreams.of(demo, "model-0"), first);
  upstreams.of(demo, "one-more");
  assert.equal(upstreams.of(demo, "model-0"), first, "what is asked stays");
  assert.notEqual(upstreams.of(demo, "model-1"), second);
});
