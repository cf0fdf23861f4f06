// Whether votes suffice: each sign-off has as many places as its quorum, and each voter fills one place in all, of a
// sign-off that the vote may stand for.

export interface SignOff {
  readonly name: string;
  readonly quorum: number;
}

/** A sign-off with fewer voters than it needs, once as many places are filled as can be. */
export interface Unmet {
  readonly signOff: string;
  readonly expected: number;
  readonly found: number;
}

/** `votes`: what each voter may stand for. A greatest matching, by augmenting paths: the places are few. */
export function unmetSignOffs(
  required: readonly SignOff[],
  votes: readonly (readonly string[])[],
): readonly Unmet[] {
  const places = new Places(required);
  for (const [voter, names] of votes.entries()) places.seat(voter, names, votes, new Set());
  return required.flatMap(({ name, quorum }) => {
    const found = places.filled(name);
    return found < quorum ? [{ signOff: name, expected: quorum, found }] : [];
  });
}

class Places {
  readonly #quorums: ReadonlyMap<string, number>;
  /** Voters by the sign-off that they fill a place of. */
  readonly #seated = new Map<string, Set<number>>();

  constructor(required: readonly SignOff[]) {
    this.#quorums = new Map(required.map(({ name, quorum }) => [name, quorum]));
  }

  filled(name: string): number {
    return this.#seated.get(name)?.size ?? 0;
  }

  /** Seats the voter, others moving on to another sign-off where that makes room. */
  seat(
    voter: number,
    names: readonly string[],
    votes: readonly (readonly string[])[],
    tried: Set<string>,
  ): boolean {
    for (const name of names) {
      const quorum = this.#quorums.get(name);
      if (quorum === undefined || tried.has(name)) continue;
      tried.add(name);
      const seated = this.#seated.get(name) ?? new Set();
      this.#seated.set(name, seated);
      if (seated.size >= quorum && !this.#makeRoom(seated, votes, tried)) continue;
      seated.add(voter);
      return true;
    }
    return false;
  }

  #makeRoom(seated: Set<number>, votes: readonly (readonly string[])[], tried: Set<string>): boolean {
    for (const other of [...seated]) {
      if (!this.seat(other, votes[other] ?? [], votes, tried)) continue;
      seated.delete(other);
      return true;
    }
    return false;
  }
}
