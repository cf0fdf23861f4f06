// The revision is the hash of everything that a decision rests on, and its content is enough to decide again years later.

import { hash } from "node:crypto";
import { getCedarSDKVersion } from "@cedar-policy/cedar-wasm/nodejs";
import { canonicalJson } from "portcullis-verify/leaves/canonical-json.ts";
import { z } from "zod";
import { floorPolicies } from "./floor.ts";
import type { PolicyFile } from "./policy-source.ts";
import type { PolicyWorld } from "./world.ts";

export interface Revision {
  /** SHA-256 of the content, hex. */
  readonly id: string;
  /** Canonical JSON: engine, policy texts by file, floor, schema, sign-offs in order, and the world's entities. */
  readonly content: string;
  /** Name and version. */
  readonly engine: string;
}

const contentSchema = z.object({ files: z.array(z.object({ name: z.string(), text: z.string() })) });

/** The policy files in a revision's content, or null when it is none. */
export function filesIn(content: string): readonly PolicyFile[] | null {
  try {
    return contentSchema.parse(JSON.parse(content)).files;
  } catch {
    return null;
  }
}

export function revisionOf(files: readonly PolicyFile[], schema: string, world: PolicyWorld): Revision {
  const typed = [...(world.arguments ?? [])];
  const engine = `cedar-wasm ${getCedarSDKVersion()}`;
  const content = canonicalJson({
    engine,
    files: files.map(({ name, text }) => ({ name, text })),
    floor: floorPolicies,
    schema,
    sign_offs: world.signOffs,
    world: {
      applications: world.applications.map(({ name, groups, environment, owner }) => ({
        name,
        groups: [...groups].sort(),
        environment,
        owner,
      })),
      groups: [...world.groups].sort(),
      providers: [...(world.providers ?? [])].sort(),
      tools: [...world.tools].sort(),
      ...(typed.length === 0 ? {} : { arguments: Object.fromEntries(typed) }),
    },
  });
  return { id: hash("sha256", content, "hex"), content, engine };
}
