// Lists in pages: `limit` items at a time, and a cursor that says where the next page begins.

import { z } from "zod";
import { adminSchemas } from "./admin-schemas.ts";

export const maxPage = 1_000;

export const cursor = z
  .string()
  .max(2_048)
  .register(adminSchemas, { description: "`next` of the page before, with the same other parameters." });

export const pageQuery = z.strictObject({
  cursor: cursor.optional(),
  limit: z.coerce.number().int().min(1).max(maxPage).default(maxPage),
});

export const next = z
  .string()
  .nullable()
  .register(adminSchemas, { description: "`cursor` of the next page; null when this is the last." });

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** Of a list that is in memory, in the order of a text that names each item, so that what comes and goes between two pages shifts none. */
export function pageOf<Item>(
  list: readonly Item[],
  nameOf: (item: Item) => string,
  query: z.output<typeof pageQuery>,
): Page<Item> {
  const after = query.cursor === undefined ? null : Buffer.from(query.cursor, "base64url").toString("utf8");
  const rest = list
    .map((item) => ({ item, name: nameOf(item) }))
    .filter(({ name }) => after === null || name > after)
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  const shown = rest.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    items: shown.map(({ item }) => item),
    next:
      last === undefined || shown.length === rest.length
        ? null
        : Buffer.from(last.name).toString("base64url"),
  };
}
