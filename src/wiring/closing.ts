// What has been opened, closed in the reverse order: each part whatever befell the others, so that the trail and the
// storage are reached in any case.

import type { Logger } from "pino";

export class Closing {
  readonly #log: Logger;
  readonly #parts: { readonly name: string; readonly close: () => Promise<unknown> }[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  add(name: string, close: () => Promise<unknown>): void {
    this.#parts.push({ name, close });
  }

  /** Rejects, when all are closed, with the first fault that was met. */
  async close(): Promise<void> {
    const faults: unknown[] = [];
    for (const { name, close } of this.#parts.splice(0).reverse()) {
      try {
        await close();
      } catch (fault) {
        this.#log.error({ part: name, fault: String(fault) }, "a part could not be closed as it should");
        faults.push(fault);
      }
    }
    if (faults.length > 0) throw faults[0];
  }
}
