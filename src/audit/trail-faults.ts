// What goes wrong with the trail out of sight of any caller, told once: trouble that lasts is met again every second.

/** Something that went wrong out of sight of any caller. */
export interface TrailFault {
  readonly during: "start" | "append" | "checkpoint" | "clock" | "recovery" | "upkeep" | "close";
  readonly error: Error;
  /** Whether nothing can be recorded any more until the gateway is started again. */
  readonly ends: boolean;
}

export class TrailFaults {
  readonly #onFault: (fault: TrailFault) => void;
  readonly #told = new Map<TrailFault["during"], string>();

  constructor(onFault: (fault: TrailFault) => void) {
    this.#onFault = onFault;
  }

  happened(during: TrailFault["during"], error: unknown): void {
    this.#onFault({ during, error: errorOf(error), ends: false });
  }

  ended(during: TrailFault["during"], error: Error): void {
    this.#onFault({ during, error, ends: true });
  }

  /** What is wrong now, or null: told when it has begun or become something else. */
  lasts(during: TrailFault["during"], trouble: string | null): void {
    if (trouble === null) this.#told.delete(during);
    else if (this.#told.get(during) !== trouble) {
      this.#told.set(during, trouble);
      this.happened(during, new Error(trouble));
    }
  }

  unreadable([first, ...others]: readonly { readonly index: number; readonly why: string }[]): void {
    if (first === undefined) return;
    const more = others.length === 0 ? "" : `, and so are ${others.length} more`;
    const text = `entry ${first.index} is no leaf (${first.why})${more}; run \`portcullis audit verify\``;
    this.happened("start", new Error(text));
  }
}

export function errorOf(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
