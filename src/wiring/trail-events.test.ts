import assert from "node:assert/strict";
import { test } from "node:test";
import { LogUnavailableError } from "../audit/log-store.ts";
import { openTestGateway } from "../gateway/gateway.test-support.ts";
import { trailEvents } from "./trail-events.ts";

test("while the trail takes no entries, no key, secret and operator can be changed past it", async () => {
  await using gateway = await openTestGateway();
  const { trail } = gateway;
  const events = trailEvents(trail, { operatorId: (name) => `sub_${name}` });
  assert.ok(events.secrets.set("providers/up", 1, "sub_op").leaf.length > 0);
  await trail.close();
  assert.equal(trail.available, false);
  assert.throws(() => events.secrets.set("providers/up", 1, "sub_op"), LogUnavailableError);
  assert.throws(() => events.secrets.destroyed("providers/up", 1, "sub_op"), LogUnavailableError);
  const token = {
    id: "op_1",
    person: "sub_1",
    serial: 1,
    hash: "",
    hint: "",
    createdAt: 1,
    createdBy: "sub_op",
  };
  for (const event of ["invited", "removed"] as const) {
    const record = () => events.operators[event]({ ...token, expiresAt: null, revokedAt: null }, "sub_op");
    assert.throws(record, LogUnavailableError);
  }
});
