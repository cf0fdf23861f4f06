// How long payload is kept, as the config says it.

import type { RetentionRules } from "../audit/payload-retention.ts";
import type { Config } from "../config/schema.ts";

export function retentionRules({ applications, audit }: Config): RetentionRules {
  const standard = audit.keep_payloads;
  return {
    standardMs: standard,
    applicationsMs: new Map(
      applications.map(({ name, keep_payloads: own }) => [name, own === undefined ? standard : own]),
    ),
  };
}
