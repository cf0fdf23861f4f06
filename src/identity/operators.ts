// Operators as people: invited, listed, removed, and recognised by their tokens. Lookups are in memory and follow every
// change as it commits.

import type { EncodedEntry } from "../core/entry.ts";
import { newId } from "../core/id.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { type FoundToken, KeptTokens, type TokenProtection } from "./kept-tokens.ts";
import { invitedName, type NameFault, type Operator } from "./operator.ts";
import type { OperatorStore, OperatorTokenEnd, OperatorTokenRecord } from "./operator-store.ts";
import { hashOperatorToken, newOperatorToken } from "./operator-token.ts";

/** Who the pseudonyms of operators stand for. */
export interface OperatorNames {
  /** Rejects when it cannot be had: then nothing is changed. */
  idOf(name: string): string | Promise<string>;
  /** Null when it was erased. Rejects when it cannot be read. */
  nameOf(id: string): Promise<string | null>;
}

export interface OperatorEvents {
  invited(token: OperatorTokenRecord, actor: string): EncodedEntry;
  removed(token: OperatorTokenRecord, actor: string): EncodedEntry;
}

export interface OperatorParts {
  readonly store: OperatorStore;
  readonly names: OperatorNames;
  readonly events: OperatorEvents;
  readonly protection: TokenProtection<OperatorTokenRecord>;
  readonly now: () => number;
}

export interface ListedOperator extends OperatorTokenRecord {
  /** Null when it was erased, or does not decrypt. */
  readonly name: string | null;
  /** The row was changed or added behind the gateway's back: it opens nothing, and is left as it is. */
  readonly damaged: boolean;
}

export interface Invitation {
  readonly operator: ListedOperator;
  /** Shown once; only its hash is kept. */
  readonly token: string;
}

export type OperatorFailure =
  | { readonly reason: NameFault; readonly name: string }
  | { readonly reason: "unknown_operator"; readonly name: string }
  | { readonly reason: "damaged"; readonly name: string }
  | { readonly reason: "raced"; readonly name: string };

type Found = FoundToken<OperatorTokenRecord>;

const tries = 3;

export class Operators {
  readonly #parts: OperatorParts;
  readonly #kept: KeptTokens<OperatorTokenRecord>;

  private constructor(parts: OperatorParts) {
    this.#parts = parts;
    this.#kept = new KeptTokens(() => parts.store.list(), parts.protection, parts.now);
  }

  static async open(parts: OperatorParts): Promise<Operators> {
    const operators = new Operators(parts);
    await operators.refresh();
    return operators;
  }

  /** Others may have changed them: what is kept now is in force from now on. Rejects when it cannot be read. */
  async refresh(): Promise<void> {
    await this.#kept.refresh();
  }

  /** Whose token this is, while it is valid; or null. Rejects when the person's name cannot be read. */
  async withToken(token: string): Promise<Operator | null> {
    const record = this.#kept.byHash(hashOperatorToken(token));
    const name = record === null ? null : await this.#parts.names.nameOf(record.person);
    // Removed while the name was read.
    if (name === null || this.#kept.byHash(hashOperatorToken(token)) === null) return null;
    return { name, method: "token" };
  }

  /** Whether the person of this pseudonym was invited and not removed since. A token that has expired changes nothing of it. */
  isEnrolled(person: string): boolean {
    for (const token of this.#kept.intact())
      if (token.person === person && token.revokedAt === null) return true;
    return false;
  }

  /** Every person with their last token, the removed ones too, and every damaged row; oldest first. */
  async list(): Promise<readonly ListedOperator[]> {
    const tokens = await this.#kept.refresh();
    const intact = tokens
      .filter(({ damaged }) => !damaged)
      .toSorted((one, other) => one.serial - other.serial);
    const last = new Map(intact.map((token) => [token.person, token]));
    const shown = tokens.filter((token) => token.damaged || last.get(token.person) === token);
    return Promise.all(shown.map((token) => this.#listed(token)));
  }

  /** A token for a person, in place of the one that they may have. `actor` is the operator's name, here and below. */
  async invite(
    written: string,
    lifetimeMs: number | null,
    actor: string,
  ): Promise<Result<Invitation, OperatorFailure>> {
    const name = invitedName(written);
    if (!name.ok) return fail({ reason: name.failure, name: written });
    const by = await this.#parts.names.idOf(actor);
    const person = await this.#parts.names.idOf(name.value);
    const { store, events } = this.#parts;
    // Again for a person whom somebody else has invited meanwhile: the last invitation is the one that counts.
    for (let attempt = 0; attempt < tries; attempt += 1) {
      const before = (await this.#kept.refresh()).filter((token) => token.person === person);
      const token = newOperatorToken();
      const record = this.#record({ person, before, token, by, lifetimeMs });
      const replaced = before
        .filter(({ damaged, revokedAt }) => !damaged && revokedAt === null)
        .map((old) => this.#endOf(old, record.createdAt));
      const kept = { ...record, mac: this.#macOf(record) };
      const invited = await store.invite(kept, replaced, events.invited(record, by));
      await this.#kept.refresh();
      if (invited) return ok({ operator: { ...record, name: name.value, damaged: false }, token });
    }
    return fail({ reason: "raced", name: name.value });
  }

  /** Ends the person's token now. */
  async remove(written: string, actor: string): Promise<Result<ListedOperator, OperatorFailure>> {
    const name = invitedName(written);
    if (!name.ok) return fail({ reason: "unknown_operator", name: written });
    const by = await this.#parts.names.idOf(actor);
    // Again for a person who was invited again between reading the token and ending it.
    for (let attempt = 0; attempt < tries; attempt += 1) {
      const found = await this.#enrolled(name.value);
      if (!found.ok) return found;
      const end = this.#endOf(found.value, this.#parts.now());
      const removed = await this.#parts.store.remove(end, this.#parts.events.removed(found.value, by));
      await this.#kept.refresh();
      if (removed) return ok({ ...found.value, revokedAt: end.at, name: name.value });
    }
    return fail({ reason: "raced", name: name.value });
  }

  /** Found by the names themselves, so that asking after a stranger puts no name into the store. */
  async #enrolled(name: string): Promise<Result<Found, OperatorFailure>> {
    const living = (await this.#kept.refresh()).filter(({ revokedAt }) => revokedAt === null);
    const named = await Promise.all(living.map((token) => this.#listed(token)));
    const theirs = living.filter((_, at) => named[at]?.name === name);
    const token = theirs.findLast(({ damaged }) => !damaged);
    if (token !== undefined) return ok(token);
    return fail({ reason: theirs.length > 0 ? "damaged" : "unknown_operator", name });
  }

  async #listed(token: Found): Promise<ListedOperator> {
    const name = await this.#parts.names.nameOf(token.person).catch(() => null);
    return { ...token, name };
  }

  #record(made: {
    readonly person: string;
    readonly before: readonly OperatorTokenRecord[];
    readonly token: string;
    readonly by: string;
    readonly lifetimeMs: number | null;
  }): OperatorTokenRecord {
    const createdAt = this.#parts.now();
    return {
      id: newId("op", createdAt),
      person: made.person,
      // Damaged rows count too: theirs cannot be used again.
      serial: 1 + Math.max(0, ...made.before.map(({ serial }) => serial)),
      hash: hashOperatorToken(made.token),
      hint: made.token.slice(0, 10),
      createdAt,
      createdBy: made.by,
      expiresAt: made.lifetimeMs === null ? null : createdAt + made.lifetimeMs,
      revokedAt: null,
    };
  }

  #endOf(token: Found, at: number): OperatorTokenEnd {
    return { id: token.id, at, from: token.mac, to: this.#macOf({ ...token, revokedAt: at }) };
  }

  #macOf(token: OperatorTokenRecord): string {
    return this.#parts.protection.guard.macOf(token);
  }
}
