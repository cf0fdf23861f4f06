// From the data of the file to a typed config.

import type { Result } from "../core/result.ts";
import type { ConfigFinding } from "./config-finding.ts";
import { parseShape } from "./parse-shape.ts";
import { type Config, configSchema } from "./schema.ts";

export function parseConfig(value: unknown): Result<Config, readonly ConfigFinding[]> {
  return parseShape(configSchema, value);
}
