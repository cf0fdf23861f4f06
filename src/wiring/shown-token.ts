// What lists say of a kept token.

import { rfc3339, systemClock } from "../core/clock.ts";
import type { TokenRecord } from "../identity/token-guard.ts";

/** A damaged row can hold any number, and must not keep the others from being listed. */
export function shownTime(milliseconds: number): string {
  return rfc3339(Math.min(Math.max(milliseconds, 0), Date.parse("9999-12-31T23:59:59.999Z")));
}

/** `expires`: valid until then. */
export function tokenState(
  token: TokenRecord & { readonly damaged: boolean },
): "active" | "expires" | "expired" | "revoked" | "damaged" {
  if (token.damaged) return "damaged";
  if (token.revokedAt !== null) return "revoked";
  if (token.expiresAt === null) return "active";
  return token.expiresAt <= systemClock.now() ? "expired" : "expires";
}
