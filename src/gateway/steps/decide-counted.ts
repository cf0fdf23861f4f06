// Step 5 where policies read what was used: the decision and what it reserves are one, so that calls that come together
// cannot together pass a limit that each of them alone would keep.

import type { CounterUse } from "../../policy/counter-uses.ts";
import type { Amount } from "../../usage/counter-store.ts";
import type { DescribedCall, Target } from "../call.ts";
import type { CallRun } from "../call-run.ts";
import { boundCounters, type CounterOfCall, countersOfCall, counterValues } from "../counters-of-call.ts";
import { expectedAmount } from "../expected-amount.ts";
import type { GatewayParts } from "../parts.ts";
import { type CallDecision, decide } from "./decide.ts";

type CountingParts = Pick<GatewayParts, "policy" | "reservations" | "prices" | "limits">;

/** What the store has said of the counters that these uses read. */
interface Known {
  readonly uses: readonly CounterUse[];
  readonly amounts: readonly Amount[];
}

/** Another attempt is needed only where other calls have just carried a counter past one of the policies' numbers. */
const maxAttempts = 32;

/**
 * A guess is decided first, as if nobody had used anything, and reserved on condition that the counters stand where the
 * decision is the same; the store says where they really stand. INVARIANT: a permit is reserved while the counters stand
 * where it is the decision, and a deny is decided on counters as they were read.
 */
export async function decideCounted(
  parts: CountingParts,
  run: CallRun,
  target: Target,
  given: readonly string[] = [],
): Promise<CallDecision> {
  const { call } = run;
  const amount = expectedAmount(parts, call, target);
  let known: Known | null = null;
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const uses = parts.policy.counters;
    const rows = countersOfCall(uses, call);
    // What is known of the counters of policies that were replaced meanwhile says nothing of these.
    const amounts = known?.uses === uses ? known.amounts : null;
    const values = counterValues(uses, rows, amounts ?? rows.map((row) => withCall(row, unused, amount)));
    const decision = decide(parts, call, target, values, given);
    if (decision.outcome === "permit") {
      const bounds = boundCounters(rows, values);
      const stands = await parts.reservations.reserve(call.id, call.time, bounds, amount);
      if (stands.reserved) {
        run.reserved = true;
        return { ...decision, counters: counterValues(uses, rows, stands.values) };
      }
      known = { uses, amounts: stands.values };
    } else {
      if (amounts !== null) return decision;
      known = { uses, amounts: await readAmounts(parts, call, rows, amount) };
    }
  }
  return undecided(parts.policy.revision);
}

const unused: Amount = { requests: 0, tokens: 0, microUsd: 0, unpriced: 0 };

async function readAmounts(
  parts: CountingParts,
  call: DescribedCall,
  rows: readonly CounterOfCall[],
  amount: Amount,
): Promise<readonly Amount[]> {
  const counters = rows.map(({ counter }) => counter);
  const stands = await parts.reservations.read(call.id, call.time, counters);
  return rows.map((row, at) => withCall(row, stands[at] ?? unused, amount));
}

/** Where a counter would stand with the call. */
function withCall({ counts }: CounterOfCall, stands: Amount, amount: Amount): Amount {
  if (!counts) return stands;
  return {
    requests: sum(stands.requests, amount.requests),
    tokens: sum(stands.tokens, amount.tokens),
    microUsd: sum(stands.microUsd, amount.microUsd),
    unpriced: sum(stands.unpriced, amount.unpriced),
  };
}

function sum(one: number, other: number): number {
  return Math.min(one + other, Number.MAX_SAFE_INTEGER);
}

function undecided(revision: string): CallDecision {
  const error = "what was used changed faster than it could be decided on; send the request again";
  const verdict = { outcome: "deny", policies: [], signOffs: [], error } as const;
  return { ...verdict, revision, shadow: null, detail: null, counters: null };
}
