// Where values are kept that show at start whether the keys at hand are those that the data was sealed under. Implemented
// by storage/.

export interface KeyCheckStore {
  /** What is kept under this name, or null. */
  keyCheck(name: string): Promise<Uint8Array | null>;

  /** Keeps the value unless there is one under this name, and returns the one that is kept. Safe to race. */
  ensureKeyCheck(name: string, value: Uint8Array): Promise<Uint8Array>;
}
