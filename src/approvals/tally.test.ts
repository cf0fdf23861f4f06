import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { SignOffNeeded, Vote } from "./approval.ts";
import { sampleVote } from "./approval-samples.test-support.ts";
import { tally } from "./tally.ts";

const names = ["a", "b", "c", "d"] as const;
const needed: fc.Arbitrary<readonly SignOffNeeded[]> = fc.uniqueArray(
  fc.record({ name: fc.constantFrom(...names), quorum: fc.integer({ min: 1, max: 3 }) }),
  { minLength: 1, maxLength: 4, selector: ({ name }) => name },
);
/** Of as many people; each votes once. */
const votesOf: fc.Arbitrary<readonly Vote[]> = fc
  .array(
    fc.record({
      decision: fc.constantFrom("approve" as const, "approve" as const, "reject" as const),
      sign_offs: fc.subarray([...names]),
    }),
    { maxLength: 7 },
  )
  .map((votes) => votes.map((vote, at) => sampleVote({ ...vote, voter: `sub_${at}` })));

/** Whether some way to give each place to another voter fills all places. */
function canFill(places: readonly string[], voters: readonly Vote[]): boolean {
  const [place, ...others] = places;
  if (place === undefined) return true;
  return voters.some(
    (voter, at) => voter.sign_offs.includes(place) && canFill(others, voters.toSpliced(at, 1)),
  );
}

describe("the tally", () => {
  test("is complete exactly when some way of seating the voters fills every place", () => {
    fc.assert(
      fc.property(needed, votesOf, (required, votes) => {
        const places = required.flatMap(({ name, quorum }) => Array.from({ length: quorum }, () => name));
        const approving = votes.filter(({ decision }) => decision === "approve");
        assert.equal(tally(required, votes).complete, canFill(places, approving));
      }),
      { numRuns: 500 },
    );
  });

  test("is as complete in whatever order people vote, and gives as many places", () => {
    const shuffled = votesOf.chain((votes) =>
      fc.tuple(fc.constant(votes), fc.shuffledSubarray([...votes], { minLength: votes.length })),
    );
    const places = (given: ReadonlyMap<string, number>): number =>
      [...given.values()].reduce((sum, count) => sum + count, 0);
    fc.assert(
      fc.property(needed, shuffled, (required, [votes, others]) => {
        const [one, other] = [tally(required, votes), tally(required, others)];
        assert.equal(one.complete, other.complete);
        assert.equal(places(one.given), places(other.given));
      }),
      { numRuns: 500 },
    );
  });

  test("gives nobody two places, and none beyond a quorum", () => {
    fc.assert(
      fc.property(needed, votesOf, (required, votes) => {
        const { given } = tally(required, votes);
        const seated = [...given.values()].reduce((sum, count) => sum + count, 0);
        assert.ok(seated <= votes.filter(({ decision }) => decision === "approve").length);
        for (const { name, quorum } of required) assert.ok((given.get(name) ?? 0) <= quorum);
      }),
    );
  });

  test("never becomes incomplete by one more vote to approve", () => {
    fc.assert(
      fc.property(needed, votesOf, fc.subarray([...names]), (required, votes, signOffs) => {
        const more = [...votes, sampleVote({ voter: "sub_more", sign_offs: signOffs })];
        assert.ok(!tally(required, votes).complete || tally(required, more).complete);
      }),
    );
  });

  test("asks for another person where one is in both sign-offs", () => {
    const required = [
      { name: "a", quorum: 1 },
      { name: "b", quorum: 1 },
    ];
    const both = sampleVote({ sign_offs: ["a", "b"] });
    assert.equal(tally(required, [both]).complete, false);
    const other = sampleVote({ voter: "sub_cleo", sign_offs: ["a"] });
    // The first makes room: who may speak for both moves to the other.
    assert.equal(tally(required, [both, other]).complete, true);
    assert.equal(tally(required, [other, { ...both, decision: "reject" }]).complete, false);
  });

  test("counts a voter once, however often the same vote is kept", () => {
    const required = [{ name: "default", quorum: 2 }];
    assert.equal(tally(required, [sampleVote(), sampleVote()]).complete, false);
  });

  test("of as many places as there may be is found", () => {
    const required = Array.from({ length: 32 }, (_, at) => ({ name: `s${at}`, quorum: 20 }));
    const all = required.map(({ name }) => name);
    const votes = Array.from({ length: 640 }, (_, at) =>
      sampleVote({ voter: `sub_${at}`, sign_offs: at < 620 ? all : ["s31"] }),
    );
    assert.equal(tally(required, votes).complete, true);
    assert.equal(tally(required, votes.slice(1)).complete, false);
  });
});
