// From the data of a YAML file to typed data. The schema finds what is wrong; how it is said, and what was probably meant,
// is said here.

import { z } from "zod";
import { fail, ok, type Result } from "../core/result.ts";
import type { ConfigFinding } from "./config-finding.ts";
import { issueMessage } from "./issue-message.ts";
import { nearName } from "./near-name.ts";
import { listed, quoted } from "./printable.ts";

export function parseShape<Shape extends z.ZodType>(
  schema: Shape,
  value: unknown,
): Result<z.output<Shape>, readonly ConfigFinding[]> {
  // Only while an issue is worded does zod tell which object it is about: the very member of a union, for example.
  const known = new Map<string, readonly string[]>();
  const parsed = schema.safeParse(value, {
    error: (issue) => {
      if (issue.code === "unrecognized_keys" && issue.inst instanceof z.ZodObject) {
        known.set(JSON.stringify(issue.path ?? []), Object.keys(issue.inst.shape));
      }
      return issueMessage(issue);
    },
  });
  if (parsed.success) return ok(parsed.data);
  const findings = parsed.error.issues.flatMap((issue): readonly ConfigFinding[] => {
    const { path, message } = issue;
    if (issue.code !== "unrecognized_keys") return [{ path, message }];
    const names = known.get(JSON.stringify(path)) ?? [];
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(key, names) }));
  });
  // What is wrong with a value in one way tends to be wrong in the next; the first says enough.
  const first = new Map(findings.toReversed().map((finding) => [JSON.stringify(finding.path), finding]));
  return fail([...first.values()].toReversed());
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearName(key, known);
  const help = meant === null ? `what may stand here: ${listed(known)}` : `did you mean ${quoted(meant)}?`;
  return `unknown key ${quoted(key)}; ${help}`;
}
