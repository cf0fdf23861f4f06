// Files that are written a few at a time, because each waits for the disk.

const most = 8;

export class FewWrites {
  readonly #underWay = new Set<Promise<void>>();
  #fault: { readonly error: unknown } | null = null;

  /** Waits while as many are under way as may. Rejects with what any of them met. */
  async add(write: Promise<void>): Promise<void> {
    const ended = write
      .catch((error: unknown) => {
        this.#fault ??= { error };
      })
      .finally(() => this.#underWay.delete(ended));
    this.#underWay.add(ended);
    while (this.#underWay.size >= most) await Promise.race(this.#underWay);
    this.#throwFault();
  }

  /** Never rejects. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** Rejects with what any of them met. */
  async done(): Promise<void> {
    await this.settled();
    this.#throwFault();
  }

  #throwFault(): void {
    if (this.#fault !== null) throw this.#fault.error;
  }
}
