// The calls that are open at an entry, with what later entries about them are held against.

import { BoundedCache } from "../bounded-cache.ts";
import type { LeafOf } from "../leaves/leaf-schema.ts";

/** A decision of `hold` that sign-offs may be asked for, or any other on an action. */
export interface Decided {
  readonly entry: number;
  decision: "permit" | "hold" | "deny";
  readonly tool: string | null;
  readonly target: string | null;
  /** Where an action stands in its turn; null for a call. */
  readonly choice: number | null;
  readonly signOffs: readonly string[];
  readonly revision: string;
  /** Whether an entry asks for its sign-offs. */
  asked: boolean;
}

export interface CallState {
  readonly entry: number;
  readonly application: string;
  readonly user: string | null;
  readonly instance: string;
  /** When it was first decided on. */
  readonly time: string;
  dispatch: number;
  /** What it is decided to be answered from, whole or one choice of it. */
  picksUp: { readonly hold: string; readonly choice: number | null } | null;
  /** Dispatch numbers that were permitted, with their targets. */
  readonly permits: Map<number, string | null>;
  /** The call itself where it was held, by dispatch. */
  readonly held: Map<number, Decided>;
  readonly actions: Map<string, Decided>;
  /** Approvals of actions that were released to it, with the entries. */
  readonly released: Map<string, number>;
  /** It was reported as one that nothing completes. */
  abandoned: boolean;
}

/** How many completed calls are remembered, to tell "completed twice" from "never decided". */
const rememberedCompletions = 65_536;

/** Memory is bounded by the number of calls open at a time. */
export class CallBook {
  readonly #open = new Map<string, CallState>();
  readonly #completions = new BoundedCache<number>(rememberedCompletions);

  get size(): number {
    return this.#open.size;
  }

  /** In the order in which they were opened. */
  entries(): MapIterator<[string, CallState]> {
    return this.#open.entries();
  }

  get(call: string): CallState | undefined {
    return this.#open.get(call);
  }

  /** The entry that completed the call, as far back as that is remembered. */
  completedBy(call: string): number | undefined {
    return this.#completions.get(call);
  }

  open(entry: number, { call, application, user, instance, time }: LeafOf<"call.decided">): CallState {
    const state: CallState = {
      entry,
      application,
      user,
      instance,
      time,
      dispatch: 0,
      picksUp: null,
      permits: new Map(),
      held: new Map(),
      actions: new Map(),
      released: new Map(),
      abandoned: false,
    };
    this.#open.set(call, state);
    return state;
  }

  complete(call: string, entry: number): void {
    this.#open.delete(call);
    this.#completions.set(call, entry);
  }
}
