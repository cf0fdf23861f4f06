import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { signedOffDigest } from "portcullis-verify/rules/approval-digest.ts";
import { approvalDigest } from "../../approvals/digest.ts";

it("the digest made from entries is the one that the desk has people sign off", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 40 });
  const signedOff = fc.record({
    application: text,
    user: fc.option(text),
    call: text,
    approval: text,
    kind: fc.constantFrom("call" as const, "action" as const),
    tool: fc.option(text),
    target: fc.option(text),
    effect: fc.option(fc.constantFrom("read" as const, "write" as const)),
    tool_digest: fc.option(text),
  });
  fc.assert(
    fc.property(signedOff, fc.integer({ min: 1, max: 99 }), text, (asked, revision, bytes) => {
      const { tool_digest: toolDigest, ...others } = asked;
      assert.equal(
        signedOffDigest(asked, { revision, bytes }),
        approvalDigest({ ...others, toolDigest, revision, bytes, source: "client" }),
      );
    }),
  );
});
