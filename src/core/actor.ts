// Who did something, as the trail names them.

export interface Actor {
  readonly kind: "application" | "operator" | "gateway";
  /** An application's configured name, an operator's pseudonym or an instance's id; at most 128 characters. */
  readonly id: string;
}
