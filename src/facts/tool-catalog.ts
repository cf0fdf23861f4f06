// What tools do, as the config's catalog states it. Unknown is `write`; `read` needs a pin on the very definition offered.

import type { OfferedTool } from "./tools-offered.ts";

export interface CatalogEntry {
  readonly effect: "read" | "write";
  /** `sha256:…` of the definition that the entry speaks of. */
  readonly digest?: string | undefined;
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
  readonly #entries: ReadonlyMap<string, CatalogEntry>;

  constructor(entries: Readonly<Record<string, CatalogEntry>>) {
    this.#entries = new Map(Object.entries(entries));
  }

  /** `offered`: the tool of that name in the request, if there is one. */
  classify(name: string, offered: OfferedTool | undefined): ToolClassification {
    const toolDigest = offered?.digest() ?? null;
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      return { catalogued: false, effect: "write", basis: "uncatalogued", unattended: null, toolDigest };
    }
    // A pinned entry speaks of one definition only; of any other it says nothing.
    if (entry.digest !== undefined && entry.digest !== toolDigest) {
      return { catalogued: true, effect: "write", basis: "drift", unattended: null, toolDigest };
    }
    const unattended = entry.unattended ?? null;
    if (entry.effect === "read" && entry.digest === undefined) {
      return { catalogued: true, effect: "write", basis: "unpinned", unattended, toolDigest };
    }
    return { catalogued: true, effect: entry.effect, basis: "catalog", unattended, toolDigest };
  }
}
