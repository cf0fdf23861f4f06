// The shape of a test file beside the policies. Strict: an unknown key is an error.

import { z } from "zod";
import { counterAt } from "../counter-facts.ts";
import { statedFacts } from "./test-facts.ts";

const name = z.string().min(1).max(200);
const ids = z.array(z.string());

const verdict = {
  decision: z.enum(["permit", "hold", "deny"]),
  /** Of a hold, all of them; in any order. */
  sign_offs: ids.default([]),
  /** The policies that determine it, all of them; in any order. */
  policies: ids,
};

const expectation = z.strictObject({
  ...verdict,
  /** The texts of their `@reason`, in any order. Left out, they are not looked at. */
  reasons: ids.optional(),
  /** Whether evaluating fails, which is a deny. */
  error: z.boolean().default(false),
  /** What the policies in shadow mode make of it. Left out, it is not looked at. */
  shadow: z.strictObject(verdict).optional(),
});

const policyTest = z.strictObject({
  name: name.refine((text) => !/\p{Cc}/u.test(text), "write the name on one line"),
  application: name,
  /** In place of the groups that the config gives the application, or the voter. */
  groups: ids.optional(),
  /** Who votes: the test is about a vote on what waits. */
  voter: name.optional(),
  /** The sign-off that the vote would count for; `default` when left out. */
  sign_off: name.optional(),
  /** Everybody in whose name it was asked for, and everybody who has edited it. */
  requesters: ids.optional(),
  editors: ids.optional(),
  /** Whether the voter is the operator's file token while no person is enrolled. */
  bootstrap: z.boolean().optional(),
  /** The `user` field of the request. */
  user: z.string().optional(),
  /** PROVIDER/MODEL of a model call. */
  model: name.optional(),
  action: z.enum(["chat", "embed"]).optional(),
  /** Fields of the model call that make the provider act, each decided by `use_feature` besides. */
  features: ids.optional(),
  /** Name of the tool that the model proposes to call. */
  tool: name.optional(),
  /** A table, or text exactly as the model wrote it. */
  arguments: z.union([z.string(), z.record(z.string(), z.json())]).optional(),
  /** The client offers the tool under another definition than the one that the catalog pins. */
  drifted: z.boolean().optional(),
  facts: statedFacts.default({}),
  /** Where counters stand with this call, by path; 0 where it is left out. */
  counters: z
    .record(
      z.string().refine((path) => counterAt(path) !== null, {
        error: "write a counter as `spend.month`, `rate.user.minute` or `tokens.group.NAME.day`",
      }),
      z.int().nonnegative(),
    )
    .optional(),
  expect: expectation,
});

export const testFileSchema = z.strictObject({ tests: z.array(policyTest).min(1) });

export type PolicyTest = z.output<typeof policyTest>;
