// A desk at which nothing is asked for, for tests of what stands beside it.

import assert from "node:assert/strict";
import { ApprovalFeed } from "../approvals/approval-feed.ts";
import { configSchema } from "../config/schema.ts";
import type { AdminParts } from "./admin-services.ts";
import { type ApprovalParts, openApprovals } from "./approvals.ts";

export function idleDesk(
  parts: Pick<ApprovalParts, "store" | "trail" | "subjects" | "dataKeys" | "rootKey"> &
    Pick<AdminParts, "log">,
): Pick<AdminParts, "approvals" | "feed"> {
  const gateway = () => assert.fail("nothing is decided here");
  const desk = openApprovals({
    ...parts,
    instance: "inst_1",
    config: () => configSchema.parse({}),
    gateway,
    mayVote: async () => null,
    stands: () => true,
    hasEnded: async () => true,
    faults: { damaged: (_hold, what) => assert.fail(what), failed: (what) => assert.fail(what) },
  });
  return {
    approvals: { desk, subjects: parts.subjects, gateway, log: parts.log },
    feed: new ApprovalFeed(desk),
  };
}
