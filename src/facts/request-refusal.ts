// How describing a request says no: the field is wrong, or it holds what policy could not be told of.

import type { Refusal } from "../core/refusal.ts";
import { fail } from "../core/result.ts";

export function invalid(param: string | null, detail: string) {
  return fail<Refusal>({ reason: "invalid_request", param, detail });
}

export function undescribable(detail: string) {
  return fail<Refusal>({ reason: "undescribable", detail });
}
