// What is wrong at one place of the config, before it is known on which line that place is.

export interface ConfigFinding {
  /** Keys and indexes from the top of the file; empty for the file as a whole. */
  readonly path: readonly PropertyKey[];
  /** For people: lowercase, no value that could be a secret, and what to do. */
  readonly message: string;
}
