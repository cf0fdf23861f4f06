// The shape of what an approver is shown. Every text in it is as visible-text.ts writes it; the exact bytes stand beside the
// view, for programs.

import { z } from "zod";
import { approvalStates } from "./approval-states.ts";

const time = z.iso.datetime({ precision: 3 });
const state = z.enum(approvalStates);
const person = z.strictObject({
  /** Pseudonym, as the trail has it. */
  id: z.string(),
  /** Null when erased. */
  name: z.string().nullable(),
});

const row = z.strictObject({
  path: z.string(),
  type: z.enum(["string", "number", "boolean", "null", "object", "array", "text"]),
  value: z.string(),
  /** What a reader would not notice. */
  notes: z.array(z.string()),
});

const shownArguments = z.strictObject({
  /** `text`: it is no JSON object, so the table is one row. */
  format: z.enum(["json", "text"]),
  rows: z.array(row),
  raw: z.string(),
  /** Of the raw bytes, in UTF-8. */
  bytes: z.int().nonnegative(),
});

const shownCall = z.strictObject({ tool: z.string(), arguments: z.string() });

export const approvalView = z.strictObject({
  v: z.literal(1),
  id: z.string(),
  revision: z.int().min(1),
  digest: z.string(),
  kind: z.enum(["call", "action"]),
  state,
  requested: time,
  /** Until when it can be decided. */
  expires: time,
  /** Whole seconds until then; null when it is decided. */
  seconds_left: z.int().nonnegative().nullable(),
  /** Until when what was approved can be used; null until all of the hold is decided. */
  usable_until: time.nullable(),
  who: z.strictObject({
    application: z.string(),
    groups: z.array(z.string()),
    /** As the application asserts it. */
    user: person.nullable(),
    key_creator: person.nullable(),
    /** Who does not decide, because they ask. */
    requesters: z.array(z.string()),
  }),
  call: z.string(),
  hold: z.string(),
  conversation: z.string(),
  what: z.strictObject({
    tool: z.string().nullable(),
    /** `provider/model` that a call goes to. */
    target: z.string().nullable(),
    effect: z.enum(["read", "write"]).nullable(),
    effect_basis: z.string().nullable(),
    tool_digest: z.string().nullable(),
    /** What detectors found in it. */
    labels: z.array(z.string()),
  }),
  arguments: shownArguments,
  /** Of a held call: what it says to the model. */
  messages: z.array(z.strictObject({ role: z.string(), text: z.string() })),
  policies: z.array(z.strictObject({ id: z.string(), reason: z.string() })),
  policy_revision: z.string(),
  sign_offs: z.array(
    z.strictObject({ name: z.string(), quorum: z.int().min(1), given: z.int().nonnegative() }),
  ),
  votes: z.array(
    z.strictObject({
      voter: person,
      decision: z.enum(["approve", "reject"]),
      sign_offs: z.array(z.string()),
      method: z.enum(["bootstrap", "token", "passkey", "session"]),
      at: time,
      reason: z.string().nullable(),
    }),
  ),
  editors: z.array(person),
  batch: z.strictObject({
    /** What the assistant says beside what it proposes, by choice. */
    said: z.array(z.strictObject({ choice: z.int(), text: z.string() })),
    /** What waits with it. */
    others: z.array(
      z.strictObject({
        id: z.string(),
        state,
        tool: z.string().nullable(),
        effect: z.enum(["read", "write"]).nullable(),
        /** Null when it cannot be opened. */
        arguments: z.string().nullable(),
      }),
    ),
    /** What goes out with it and needs nobody. */
    permitted: z.array(shownCall),
  }),
  /** Those before this one, oldest first. */
  revisions: z.array(
    z.strictObject({
      revision: z.int().min(1),
      digest: z.string(),
      superseded: time.nullable(),
      /** Why it was edited; null when nobody said. */
      reason: z.string().nullable(),
      edited_by: person.nullable(),
      /** From it to the next revision; null when it cannot be opened any more. */
      changes: z
        .array(
          z.strictObject({
            path: z.string(),
            before: z.string().nullable(),
            after: z.string().nullable(),
          }),
        )
        .nullable(),
    }),
  ),
  /** What became of others of the same application and tool, lately. */
  similar: z.strictObject({
    since: time,
    approved: z.int().nonnegative(),
    rejected: z.int().nonnegative(),
    expired: z.int().nonnegative(),
    other: z.int().nonnegative(),
  }),
});

export type ApprovalView = z.output<typeof approvalView>;
