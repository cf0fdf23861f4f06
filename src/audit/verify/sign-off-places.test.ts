import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { unmetSignOffs } from "portcullis-verify/rules/sign-off-places.ts";
import { tally } from "../../approvals/tally.ts";

const finance = { name: "finance", quorum: 2 };
const legal = { name: "legal", quorum: 1 };

describe("what votes add up to", () => {
  it("is one place for each voter, moved where that makes room for another", () => {
    const both = ["finance", "legal"];
    assert.deepEqual(unmetSignOffs([finance, legal], [both, both, both]), []);
    assert.deepEqual(unmetSignOffs([finance, legal], [["legal"], both, both]), []);
    assert.deepEqual(unmetSignOffs([finance, legal], [both, both, ["legal"]]), []);
    assert.deepEqual(unmetSignOffs([finance, legal], [both, both]), [
      { signOff: "legal", expected: 1, found: 0 },
    ]);
    assert.deepEqual(unmetSignOffs([finance], [["legal"], [], ["finance"]]), [
      { signOff: "finance", expected: 2, found: 1 },
    ]);
  });

  it("suffices exactly where the desk finds that it does", () => {
    const names = ["a", "b", "c", "d"];
    const required = fc
      .uniqueArray(fc.constantFrom(...names), { minLength: 1 })
      .chain((chosen) =>
        fc.tuple(...chosen.map((name) => fc.integer({ min: 1, max: 3 }).map((quorum) => ({ name, quorum })))),
      );
    const votes = fc.array(fc.uniqueArray(fc.constantFrom(...names)), { maxLength: 9 });
    fc.assert(
      fc.property(required, votes, (needed, cast) => {
        const ballots = cast.map((signOffs, at) => ({
          voter: `op_${at}`,
          decision: "approve" as const,
          sign_offs: [...signOffs],
          method: "token" as const,
          at: 0,
        }));
        const unmet = unmetSignOffs(needed, cast);
        assert.equal(unmet.length === 0, tally(needed, ballots).complete);
        const filled = needed.reduce((sum, { quorum }) => sum + quorum, 0);
        const missing = unmet.reduce((sum, { expected, found }) => sum + expected - found, 0);
        const given = [...tally(needed, ballots).given.values()].reduce((sum, one) => sum + one, 0);
        assert.equal(filled - missing, given, "as many places as can be");
      }),
      { numRuns: 500 },
    );
  });
});
