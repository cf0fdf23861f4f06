// Decisions remembered by everything they rest on. Bounded: the least recently used goes first.

import { actionId, contextValue, resourceId } from "./cedar-request.ts";
import type { Decision, DecisionRequest } from "./decision.ts";

const maxEntries = 10_000;
/** A longer key means large facts, which seldom repeat. */
const maxKeyLength = 2000;

export class DecisionCache {
  readonly #entries = new Map<string, Decision>();

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Decision | undefined {
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, found);
    return found;
  }

  /** INVARIANT: errors are never kept; what failed once is evaluated again. */
  set(key: string, decision: Decision): void {
    if (decision.error !== null || key.length > maxKeyLength) return;
    this.#entries.set(key, decision);
    if (this.#entries.size <= maxEntries) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}

/** `reads` are the attributes that the action's policies look at; every other one cannot matter. */
export function cacheKey(request: DecisionRequest, reads: readonly string[]): string {
  const values: unknown[] = [request.action, actionId(request), request.principal.id, resourceId(request)];
  for (const attribute of reads) {
    if (attribute === "approvals" || attribute === "signed_off") continue;
    // Absent and null must differ from every value, and a list from its text.
    const value = contextValue(request, attribute);
    values.push(value === undefined ? 0 : [value]);
  }
  return JSON.stringify(values);
}
