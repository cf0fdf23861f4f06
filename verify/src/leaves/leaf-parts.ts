// What leaves are made of: the parts that entries of several types share, of the same frozen shape in each.

import { z } from "zod";

export const count = z.int().nonnegative();
export const ordinal = z.int().min(1);
export const text = (max: number) => z.string().max(max);
export const hex32 = z.string().regex(/^[0-9a-f]{64}$/);
export const rfc3339 = z.iso.datetime({ precision: 3 });

/** HMAC-SHA256 over a payload field, see commitment.ts. Says nothing without the entry's salt. */
export const commitment = hex32;

const actor = z.strictObject({
  kind: z.enum(["application", "operator", "gateway"]),
  /** An application's configured name, an operator's id or an instance's id; people are pseudonyms. */
  id: text(128),
});

export const common = {
  v: z.literal(1),
  id: z.uuidv7(),
  time: rfc3339,
  actor,
  instance: text(64),
};

export const effect = z.enum(["read", "write"]);

/** At most 100 ids are named; `more` counts the rest. The text of each is in the revision's record. */
export const policies = z.strictObject({ ids: z.array(text(128)).max(100), more: count });

export const reasons = z.array(text(500)).max(16);
