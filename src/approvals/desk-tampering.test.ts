import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { filed, isReleased, leavesOf, open, retried, vote, voter } from "./desk.test-support.ts";

describe("whoever can write the database", () => {
  const sql: Readonly<Record<string, string>> = {
    "sets the state": "UPDATE approvals SET state = 'approved'",
    "adds a vote": `UPDATE approvals SET record = json_set(record, '$.votes[0]', json('{"voter":"sub_x","decision":"approve","sign_offs":["default"],"method":"token","at":1}'))`,
    "asks for nothing": "UPDATE approvals SET record = json_set(record, '$.required[0].name', 'other')",
    "exchanges what was sealed": "UPDATE approvals SET content = zeroblob(64)",
    "exchanges the answer": "UPDATE holds SET content = zeroblob(64)",
    "makes it another user's": "UPDATE approvals SET user_id = NULL",
    "gives it more time": "UPDATE holds SET due_at = due_at + 1000000",
    "takes the MAC away": "UPDATE holds SET mac = ''",
    "makes it not delivered": "UPDATE holds SET record = json_set(record, '$.deliveries', 7)",
  };
  for (const [name, statement] of Object.entries(sql)) {
    test(`and ${name} releases nothing, and nobody can vote on it`, async () => {
      await using gateway = await open();
      const approval = await filed(gateway);
      gateway.tamper((database) => database.exec(statement));
      assert.equal(await vote(gateway, approval), "unknown_approval");
      const channel = await retried(gateway);
      assert.ok(!isReleased(channel), channel.text);
      assert.deepEqual(await leavesOf(gateway, "approval.released"), []);
      assert.ok(gateway.faults.some((line) => line.includes("a hold cannot be used")));
    });
  }

  test("and sets a hold back to before it was revoked gets it released, and verification tells", async () => {
    await using gateway = await open();
    const approval = await filed(gateway);
    await vote(gateway, approval);
    gateway.tamper((database) =>
      database.exec("CREATE TABLE h AS SELECT * FROM holds; CREATE TABLE a AS SELECT * FROM approvals"),
    );
    await gateway.desk.revoke(approval.id, voter("cleo"), "no");
    gateway.tamper((database) =>
      database.exec(
        "DELETE FROM approvals; DELETE FROM holds; INSERT INTO holds SELECT * FROM h; INSERT INTO approvals SELECT * FROM a",
      ),
    );
    assert.ok(isReleased(await retried(gateway)));
    gateway.control.findings = [/it is revoked since entry/, /no entry permits or releases one/];
  });
});
