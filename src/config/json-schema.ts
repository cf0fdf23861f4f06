// The config's schema for other programs: editors that complete keys, and the reference page.

import { z } from "zod";
import { configSchema } from "./schema.ts";

/** JSON Schema (2020-12) of the file as people write it. Checks across keys are not in it. */
export function configJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(configSchema, { io: "input" });
}
