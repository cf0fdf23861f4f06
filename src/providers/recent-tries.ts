// What became of the newest tries of one target: counts of this window of time and the one before it, so that the oldest
// tries are forgotten without anything being kept of each.

interface Counts {
  /** Tries that began a call's work here. */
  firsts: number;
  /** Tries after a failed one. */
  retries: number;
  answered: number;
  failed: number;
}

const windowMs = 10_000;

export class RecentTries {
  #current: Counts = none();
  #before: Counts = none();
  #endsAt = 0;

  began(now: number, kind: "first" | "retry"): void {
    this.#roll(now);
    if (kind === "first") this.#current.firsts += 1;
    else this.#current.retries += 1;
  }

  ended(now: number, outcome: "answered" | "failed"): void {
    this.#roll(now);
    this.#current[outcome] += 1;
  }

  /** Sums over the last ten to twenty seconds. */
  counts(now: number): Readonly<Counts> {
    this.#roll(now);
    const { firsts, retries, answered, failed } = this.#before;
    return {
      firsts: this.#current.firsts + firsts,
      retries: this.#current.retries + retries,
      answered: this.#current.answered + answered,
      failed: this.#current.failed + failed,
    };
  }

  forget(): void {
    this.#current = none();
    this.#before = none();
  }

  #roll(now: number): void {
    if (now < this.#endsAt) return;
    this.#before = now < this.#endsAt + windowMs ? this.#current : none();
    this.#current = none();
    this.#endsAt = now + windowMs;
  }
}

function none(): Counts {
  return { firsts: 0, retries: 0, answered: 0, failed: 0 };
}
