// What tools do, as the config's catalog states it. Unknown is `write`; `read` needs a pin on the very definition offered.

import type { RecordType } from "../core/argument-type.ts";
import { argumentRecord } from "./argument-schema.ts";
import type { JsonObject } from "./json-shape.ts";
import { canonicalForm } from "./tool-digest.ts";
import type { OfferedTool } from "./tools-offered.ts";

export interface CatalogEntry {
  readonly effect: "read" | "write";
  /** `sha256:…` of the definition that the entry speaks of. */
  readonly digest?: string | undefined;
  /** JSON Schema of the arguments that the entry speaks of. */
  readonly parameters?: JsonObject | undefined;
  /** Why it may write without a sign-off. */
  readonly unattended?: string | undefined;
}

export interface ToolClassification {
  readonly catalogued: boolean;
  readonly effect: "read" | "write";
  readonly basis: "uncatalogued" | "catalog" | "unpinned" | "drift";
  readonly unattended: string | null;
  /** Digest of the definition that the client offered, or null when it offered none. */
  readonly toolDigest: string | null;
}

/** Immutable: a changed config makes a new one. */
export class ToolCatalog {
  /** What the arguments are of the tools whose parameters are stated, by name. */
  readonly argumentTypes: ReadonlyMap<string, RecordType>;
  readonly #entries: ReadonlyMap<string, CatalogEntry>;

  constructor(entries: Readonly<Record<string, CatalogEntry>>) {
    this.#entries = new Map(Object.entries(entries));
    this.argumentTypes = new Map(
      Object.entries(entries).flatMap(([name, { parameters }]) =>
        parameters === undefined ? [] : [[name, argumentRecord(parameters)]],
      ),
    );
  }

  /** `offered`: the tool of that name in the request, if there is one. */
  classify(name: string, offered: OfferedTool | undefined): ToolClassification {
    const toolDigest = offered?.digest() ?? null;
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      return { catalogued: false, effect: "write", basis: "uncatalogued", unattended: null, toolDigest };
    }
    if (hasDrifted(entry, offered, toolDigest)) {
      return { catalogued: true, effect: "write", basis: "drift", unattended: null, toolDigest };
    }
    const unattended = entry.unattended ?? null;
    if (entry.effect === "read" && entry.digest === undefined) {
      return { catalogued: true, effect: "write", basis: "unpinned", unattended, toolDigest };
    }
    return { catalogued: true, effect: entry.effect, basis: "catalog", unattended, toolDigest };
  }
}

/** An entry speaks of one definition only, as far as it states it; of any other it says nothing. */
function hasDrifted(
  { digest, parameters }: CatalogEntry,
  offered: OfferedTool | undefined,
  toolDigest: string | null,
): boolean {
  if (digest !== undefined && digest !== toolDigest) return true;
  if (parameters === undefined) return false;
  // Where only the digest is known, a pin vouches for what it was made from.
  if (offered?.parameters === null) return digest === undefined;
  const stated = offered?.parameters();
  return stated === undefined || canonicalForm(stated) !== canonicalForm(parameters);
}
