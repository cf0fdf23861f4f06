import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { approvalEvents, approvalStates, nextState } from "../src/approvals/approval-states.ts";

test("docs/approvals.md draws the table of states", () => {
  const page = readFileSync(resolve(import.meta.dirname, "../docs/approvals.md"), "utf8");
  const drawn = [...page.matchAll(/^ {2}(\w+) --> (\w+): (\w+)$/gm)].map(([line]) => line.trim());
  const table = approvalStates.flatMap((state) =>
    approvalEvents.flatMap((event) => {
      const next = nextState(state, event);
      return next === null ? [] : [`${state} --> ${next}: ${event}`];
    }),
  );
  assert.deepEqual(drawn.toSorted(), table.toSorted());
});
