// Which sign-offs the votes add up to. Each voter counts once in all: who may speak for two sign-offs fills one of them.

import type { SignOffNeeded, Vote } from "./approval.ts";

export interface Tally {
  /** How many voters stand for each sign-off, by name. */
  readonly given: ReadonlyMap<string, number>;
  /** Whether every sign-off has its quorum. */
  readonly complete: boolean;
}

/**
 * Fills as many places as can be filled (augmenting paths, https://en.wikipedia.org/wiki/Hopcroft–Karp_algorithm without
 * the phases: there are at most 32 × 20 places). The same votes give the same tally.
 */
export function tally(required: readonly SignOffNeeded[], votes: readonly Vote[]): Tally {
  const approving = new Map(
    votes.filter(({ decision }) => decision === "approve").map((vote) => [vote.voter, vote]),
  );
  const places = required.flatMap(({ name, quorum }) => Array.from({ length: quorum }, () => name));
  const holders: (Vote | null)[] = places.map(() => null);
  for (const vote of approving.values()) seat(vote, places, holders, new Set());
  const given = new Map<string, number>();
  for (const [place, holder] of holders.entries()) {
    const name = places[place];
    if (holder !== null && name !== undefined) given.set(name, (given.get(name) ?? 0) + 1);
  }
  return { given, complete: holders.every((holder) => holder !== null) };
}

function seat(vote: Vote, places: readonly string[], holders: (Vote | null)[], tried: Set<number>): boolean {
  for (const [place, name] of places.entries()) {
    if (tried.has(place) || !vote.sign_offs.includes(name)) continue;
    tried.add(place);
    const holder = holders[place] ?? null;
    if (holder !== null && !seat(holder, places, holders, tried)) continue;
    holders[place] = vote;
    return true;
  }
  return false;
}
