// What shows that a kept token was written by the gateway: somebody who can write the database could otherwise add one, or
// take back the end of one, and leave no trace.
//
// A row carries a MAC under a key that is not in the data folder. That does not keep anybody from putting back a row as it
// was before its token was revoked, MAC and all; so the ends of tokens are also kept in a file beside the other keys, and
// what ended once does not live again.

import { createHmac } from "node:crypto";
import { z } from "zod";
import { readTextFile, replaceFile } from "../core/durable-file.ts";
import { OperatorError } from "../core/operator-error.ts";
import type { SecretValue } from "../core/secret-value.ts";

/** What every kind of kept token has. */
export interface TokenRecord {
  readonly id: string;
  /** SHA-256 of the token, hex. */
  readonly hash: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
}

export type KeptToken<Token extends TokenRecord> = Token & { readonly mac: string };

export interface TokenKind<Token extends TokenRecord> {
  /** Keeps a MAC of one kind from standing for another. */
  readonly label: string;
  /** In words, for messages. */
  readonly name: string;
  /** Everything that is kept of a token, in a fixed order. */
  readonly fieldsOf: (token: Token) => readonly (string | number | null)[];
}

const endsSchema = z.record(z.string(), z.int());

export class TokenGuard<Token extends TokenRecord> {
  readonly #kind: TokenKind<Token>;
  readonly #macKey: SecretValue;
  readonly #path: string;
  /** Milliseconds since the epoch by token id: the earliest end that the token was ever given. */
  readonly #ends: Map<string, number>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    kind: TokenKind<Token>,
    macKey: SecretValue,
    path: string,
    ends: Readonly<Record<string, number>>,
  ) {
    this.#kind = kind;
    this.#macKey = macKey;
    this.#path = path;
    this.#ends = new Map(Object.entries(ends));
  }

  /** `path` is the file of ends, made when a token first ends. Throws `OperatorError` when it cannot be read as one. */
  static async open<Token extends TokenRecord>(
    kind: TokenKind<Token>,
    macKey: SecretValue,
    path: string,
  ): Promise<TokenGuard<Token>> {
    return new TokenGuard(kind, macKey, path, await readEnds(path, kind.name));
  }

  /** HMAC-SHA256, hex, over everything that is kept of a token. */
  macOf(token: Token): string {
    const text = JSON.stringify([this.#kind.label, ...this.#kind.fieldsOf(token)]);
    return this.#macKey.useBytes((key) => createHmac("sha256", key).update(text).digest("hex"));
  }

  /** Whether the gateway wrote this, and has not ended the token earlier than it says. */
  isIntact(kept: KeptToken<Token>): boolean {
    return kept.mac === this.macOf(kept) && endOf(kept) <= (this.#ends.get(kept.id) ?? Infinity);
  }

  /**
   * Keeps the ends of these, which must be intact. Called after they are committed: a crash in between leaves them to the
   * next start, where they still say that they ended.
   */
  async remember(kept: readonly TokenRecord[]): Promise<void> {
    let isNew = false;
    for (const token of kept) {
      const end = endOf(token);
      if (end >= (this.#ends.get(token.id) ?? Infinity)) continue;
      this.#ends.set(token.id, end);
      isNew = true;
    }
    if (isNew) this.#writing = this.#writing.catch(() => {}).then(() => this.#write());
    await this.#writing;
  }

  /** Together with what others wrote there meanwhile. */
  async #write(): Promise<void> {
    for (const [id, end] of Object.entries(await readEnds(this.#path, this.#kind.name))) {
      this.#ends.set(id, Math.min(end, this.#ends.get(id) ?? Infinity));
    }
    await replaceFile(this.#path, `${JSON.stringify(Object.fromEntries(this.#ends), null, 2)}\n`, 0o600);
  }
}

function endOf({ expiresAt, revokedAt }: TokenRecord): number {
  return Math.min(expiresAt ?? Infinity, revokedAt ?? Infinity);
}

async function readEnds(path: string, name: string): Promise<z.output<typeof endsSchema>> {
  const text = await readTextFile(path);
  if (text === null) return {};
  try {
    return endsSchema.parse(JSON.parse(text));
  } catch {
    throw new OperatorError(
      `\`${path}\` does not hold the ends of ${name}; put it back from its backup, because those that it says have ended would be valid again`,
    );
  }
}
