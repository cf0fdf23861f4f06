// What a lint found in one policy, before it has a place in a file.

export interface Finding {
  readonly message: string;
  readonly help: string;
  /** A word of the policy to point at; the start of the policy when it does not occur. */
  readonly near: string;
}
