// A revision as it was put in force, read from what was kept of it: its own policies, floor and schema, whatever this
// version of the gateway would write today.

import { hash } from "node:crypto";
import { z } from "zod";
import type { RecordType } from "../../core/argument-type.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import { floorFile } from "../floor.ts";
import { type LoadedPolicies, parsePolicyFile } from "../load.ts";
import type { ParsedPolicy } from "../parsed-policy.ts";
import type { PolicyFile } from "../policy-source.ts";

export interface RecordedRevision {
  readonly loaded: LoadedPolicies;
  readonly files: readonly PolicyFile[];
}

const texts = z.array(z.string());

const scalarType = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("text"), values: texts.nullable() }),
  z.strictObject({ kind: z.literal("integer"), values: z.array(z.int()).nullable() }),
  z.strictObject({ kind: z.literal("boolean") }),
]);
const recordType: z.ZodType<RecordType> = z.strictObject({
  kind: z.literal("record"),
  members: z.array(
    z.strictObject({
      name: z.string(),
      required: z.boolean(),
      nullable: z.boolean(),
      type: z.union([
        scalarType,
        z.strictObject({ kind: z.literal("set"), of: scalarType }),
        z.strictObject({ kind: z.literal("opaque"), what: z.string() }),
        z.lazy(() => recordType),
      ]),
    }),
  ),
});

const contentSchema = z.strictObject({
  engine: z.string(),
  files: z.array(z.strictObject({ name: z.string(), text: z.string() })),
  floor: z.string(),
  schema: z.string(),
  sign_offs: texts,
  world: z.strictObject({
    arguments: z.record(z.string(), recordType).exactOptional(),
    applications: z.array(
      z.strictObject({ name: z.string(), groups: texts, environment: z.string(), owner: z.string() }),
    ),
    groups: texts,
    providers: texts,
    tools: texts,
  }),
});

/** Whether this is what was put in force under that name. */
export function isOfRevision(revision: string, content: string): boolean {
  return hash("sha256", content, "hex") === revision;
}

/** `content` is what the store has under `revision`. A failure is text for people. */
export function readRecordedRevision(revision: string, content: string): Result<RecordedRevision, string> {
  if (!isOfRevision(revision, content)) {
    return fail("what is kept of the revision is not what its hash says; it was changed in the data store");
  }
  const parsed = contentSchema.safeParse(parsedJson(content));
  if (!parsed.success) return fail("the revision was written by a version whose form this one does not know");
  const { engine, files, floor, schema, sign_offs, world } = parsed.data;
  const policies: ParsedPolicy[] = [];
  let builtIn = 0;
  for (const file of [{ name: floorFile, text: floor }, ...files]) {
    const read = parsePolicyFile(file);
    if (!read.ok) return fail(`this version of Cedar does not read \`${file.name}\` of the revision`);
    policies.push(...read.value);
    if (file.name === floorFile) builtIn = read.value.length;
  }
  const loaded = {
    world: { ...world, signOffs: sign_offs, arguments: new Map(Object.entries(world.arguments ?? {})) },
    schema,
    policies,
    builtIn,
    revision: { id: revision, content, engine },
  };
  return ok({ loaded, files });
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
