// Tokens as they are kept: read, held against what guards them, and found by their hash. Lookups are in memory; what is read
// is in force from then on.

import type { KeptToken, TokenGuard, TokenRecord } from "./token-guard.ts";

export interface TokenProtection<Token extends TokenRecord> {
  readonly guard: TokenGuard<Token>;
  /** Told once of each token whose row was not written by the gateway, or not last. */
  readonly onDamaged: (token: Token) => void;
}

export type FoundToken<Token extends TokenRecord> = KeptToken<Token> & {
  /** The row was changed or added behind the gateway's back: it opens nothing, and is left as it is. */
  readonly damaged: boolean;
};

export class KeptTokens<Token extends TokenRecord> {
  readonly #read: () => Promise<readonly KeptToken<Token>[]>;
  readonly #protection: TokenProtection<Token>;
  readonly #now: () => number;
  readonly #reported = new Set<string>();
  #byHash: ReadonlyMap<string, KeptToken<Token>> = new Map();
  #lastRead = 0;
  #inForce = 0;

  constructor(
    read: () => Promise<readonly KeptToken<Token>[]>,
    protection: TokenProtection<Token>,
    now: () => number,
  ) {
    this.#read = read;
    this.#protection = protection;
    this.#now = now;
  }

  /** The token with this hash while it is valid. */
  byHash(hash: string): KeptToken<Token> | null {
    const token = this.#byHash.get(hash);
    if (token === undefined || token.revokedAt !== null) return null;
    return token.expiresAt !== null && token.expiresAt <= this.#now() ? null : token;
  }

  /** Those that are as the gateway wrote them, the ended ones too. */
  intact(): Iterable<KeptToken<Token>> {
    return this.#byHash.values();
  }

  /** Reads all of them anew and puts them in force. Rejects when they cannot be read. */
  async refresh(): Promise<readonly FoundToken<Token>[]> {
    this.#lastRead += 1;
    const read = this.#lastRead;
    const rows = await this.#read();
    // What was read earlier must not be held against ends that were met later.
    if (read <= this.#inForce) return this.refresh();
    this.#inForce = read;
    const { guard } = this.#protection;
    const found = rows.map((token) => ({ ...token, damaged: !guard.isIntact(token) }));
    const intact = found.filter(({ damaged }) => !damaged);
    this.#byHash = new Map(intact.map((token) => [token.hash, token]));
    this.#report(found.filter(({ damaged }) => damaged));
    await guard.remember(intact);
    return found;
  }

  #report(damaged: readonly Token[]): void {
    for (const token of damaged) {
      if (this.#reported.has(token.id)) continue;
      this.#reported.add(token.id);
      this.#protection.onDamaged(token);
    }
  }
}
