// Whose key came with a request. Wrong keys are counted by address, so that guessing is slow and costs little.

import type { Refusal } from "../core/refusal.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { isApiKey } from "./api-key.ts";
import type { ApiKeys } from "./api-keys.ts";

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

const windowMs = 60_000;
const maxFailures = 60;
const maxAddresses = 10_000;

interface Failures {
  count: number;
  readonly since: number;
}

export class KeyIdentifier {
  readonly #keys: ApiKeys;
  readonly #now: () => number;
  readonly #current: () => boolean;
  readonly #failures = new Map<string, Failures>();

  /** `current` says whether keys that others have ended are known here; while they are not, no key counts. */
  constructor(keys: ApiKeys, now: () => number, current: () => boolean = () => true) {
    this.#keys = keys;
    this.#now = now;
    this.#current = current;
  }

  /** A valid key is never refused for the failures of others behind its address. */
  identify(
    headers: Headers,
    sourceAddress: string,
  ): Result<{ readonly application: string; readonly keyId: string }, Refusal> {
    const key = presentedKey(headers);
    if (!key.ok) return key;
    if (!this.#current()) return fail({ reason: "trail_unavailable" });
    const record = isApiKey(key.value) ? this.#keys.lookup(key.value) : null;
    if (record === null) return fail(this.#failed(sourceAddress));
    return ok({ application: record.application, keyId: record.id });
  }

  #failed(address: string): Refusal {
    const now = this.#now();
    const known = this.#failures.get(address);
    if (known === undefined || now - known.since >= windowMs) {
      if (this.#failures.size >= maxAddresses) this.#failures.clear();
      this.#failures.set(address, { count: 1, since: now });
      return { reason: "invalid_api_key" };
    }
    known.count += 1;
    if (known.count <= maxFailures) return { reason: "invalid_api_key" };
    const retryAfterSeconds = Math.max(1, Math.ceil((known.since + windowMs - now) / 1000));
    return { reason: "too_many_failed_keys", retryAfterSeconds };
  }
}

/**
 * The one key of a request, from wherever clients put it; the same one in several places is fine. To be given every
 * value of a header that stands twice: of two keys neither counts.
 */
function presentedKey(headers: Headers): Result<string, Refusal> {
  const found = new Set<string>();
  for (const name of ["authorization", "x-api-key", "api-key"]) {
    const value = headers[name] ?? [];
    for (const line of typeof value === "string" ? [value] : value) {
      for (const key of keysIn(line)) found.add(key);
    }
  }
  found.delete("");
  if (found.size > 1) return fail({ reason: "conflicting_credentials" });
  const [key] = found;
  return key === undefined ? fail({ reason: "missing_api_key" }) : ok(key);
}

// Whoever stands between may have joined two lines by a comma, which no key holds.
function keysIn(line: string): readonly string[] {
  return line.split(",").map((part) => part.trim().replace(/^bearer(?: +|$)/i, ""));
}
