// What a decision rests on, as one hash: policies, schema, floor, sign-offs, entities and the engine's version.

import { hash } from "node:crypto";
import { getCedarVersion } from "@cedar-policy/cedar-wasm/nodejs";
import { canonicalJson } from "../core/canonical-json.ts";
import { floorPolicies } from "./floor.ts";
import type { LoadedPolicies } from "./load.ts";
import type { PolicyWorld } from "./world.ts";

export interface Revision {
  /** SHA-256 of `content`, hex. */
  readonly id: string;
  /** Canonical JSON. */
  readonly content: string;
  readonly engine: string;
}

export function revisionOf(loaded: LoadedPolicies, world: PolicyWorld): Revision {
  const engine = `cedar-wasm ${getCedarVersion()}`;
  const content = canonicalJson({
    engine,
    floor: floorPolicies,
    schema: loaded.schema,
    sign_offs: [...world.signOffs],
    applications: world.applications.map(({ name, groups, environment, owner }) => ({
      name,
      groups: [...groups],
      environment,
      owner,
    })),
    groups: [...world.groups],
    policies: Object.fromEntries(loaded.files.map((file) => [file.name, file.text.toWellFormed()])),
  });
  return { id: hash("sha256", content, "hex"), content, engine };
}
