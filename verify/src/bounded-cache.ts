// The most recently used of what was looked up, and not much more than a set number of it.

export class BoundedCache<Value> {
  readonly #limit: number;
  readonly #most: number;
  readonly #values = new Map<string, Value>();

  /** At least the `limit` most recently used are kept, and at most an eighth more. */
  constructor(limit: number) {
    this.#limit = limit;
    this.#most = limit + Math.floor(limit / 8);
  }

  get(key: string): Value | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    // A Map iterates in insertion order, so putting it in again makes it the newest.
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size <= this.#most) return;
    // Many at once: to find the oldest of a Map takes the longer, the more of its first ones were deleted.
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= this.#limit) return;
      this.#values.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#values.delete(key);
  }
}
