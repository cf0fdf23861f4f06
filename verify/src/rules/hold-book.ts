// What waits, or may still be handed on, at an entry: holds with their approvals, and the votes on each.

import { BoundedCache } from "../bounded-cache.ts";
import type { LeafOf } from "../leaves/leaf-schema.ts";
import type { SignedOff } from "./approval-digest.ts";
import type { SignOff } from "./sign-off-places.ts";

export type KnownState = "pending" | "approved" | "released" | LeafOf<"approval.closed">["state"];

export interface KnownApproval {
  readonly id: string;
  readonly hold: KnownHold;
  /** Where and for what it was asked. */
  readonly entry: number;
  readonly asked: SignedOff;
  readonly action: string | null;
  /** Where its action stands in the turn; null for a call. */
  readonly choice: number | null;
  revision: number;
  digest: string;
  required: readonly SignOff[];
  expires: string;
  /** Null where its entry does not say. */
  useWithinMs: number | null;
  state: KnownState;
  /** The entry that brought it there. */
  changed: number;
  /** An entry says that it ended; a rejection and an edit are told in two entries. */
  closed: boolean;
  /** Operators who approved this revision, with what they may stand for. */
  readonly votes: Map<string, Vote>;
  /** Operators who wrote its bytes. */
  readonly editors: Map<string, number>;
  /** The decision that rests on it. */
  permit: { readonly entry: number; readonly call: string } | null;
  /** How often it was handed on. */
  delivery: number;
}

export interface Vote {
  readonly entry: number;
  readonly signOffs: readonly string[];
}

export interface KnownHold {
  readonly id: string;
  readonly call: string;
  readonly approvals: KnownApproval[];
  /** Choices of its answer in which something stands that policy permits outright. */
  readonly permitted: ReadonlySet<number>;
  /** Since all of it is decided: until when it can be handed on, in milliseconds since the epoch; null where no entry says. */
  usable: { readonly until: number | null } | null;
  /** To whom it was handed on the last time. */
  releasedTo: string | null;
}

export interface EndedApproval {
  readonly state: KnownState;
  readonly entry: number;
}

/**
 * How many holds of which all is over are remembered, because calls may still be told of them, or given them once more; and
 * how many approvals besides, to tell what has ended from what there never was.
 */
const rememberedHolds = 20_000;
/** Many are forgotten at once: to find the oldest of a Set takes the longer, the more of its first ones were deleted. */
const mostHolds = 22_500;
const rememberedEnds = 65_536;

/** Memory is bounded by the number of approvals open at a time. */
export class HoldBook {
  readonly #holds = new Map<string, KnownHold>();
  readonly #approvals = new Map<string, KnownApproval>();
  /** Holds of which all is over, in the order in which something last happened to them. */
  readonly #over = new Set<KnownHold>();
  readonly #ended = new BoundedCache<EndedApproval>(rememberedEnds);
  #hasForgotten = false;

  /** Whether there were more than is remembered. */
  get hasForgotten(): boolean {
    return this.#hasForgotten;
  }

  get openCount(): number {
    let open = 0;
    for (const approval of this.#approvals.values()) if (!isOver(approval)) open += 1;
    return open;
  }

  approvals(): MapIterator<KnownApproval> {
    return this.#approvals.values();
  }

  approval(id: string): KnownApproval | undefined {
    return this.#approvals.get(id);
  }

  hold(id: string): KnownHold | undefined {
    return this.#holds.get(id);
  }

  /** How an approval ended that is not known any more. */
  ended(id: string): EndedApproval | undefined {
    return this.#ended.get(id);
  }

  /** `permitted`: see `KnownHold`. */
  add(
    entry: number,
    leaf: LeafOf<"approval.requested">,
    choice: number | null,
    permitted: ReadonlySet<number>,
  ): KnownApproval {
    const hold = this.#holds.get(leaf.hold) ?? this.#newHold(leaf, permitted);
    const approval: KnownApproval = {
      id: leaf.approval,
      hold,
      entry,
      asked: signedOff(leaf),
      action: leaf.action,
      choice,
      revision: leaf.revision,
      digest: leaf.digest,
      required: leaf.required,
      expires: leaf.expires,
      useWithinMs: leaf.use_within_ms ?? null,
      state: "pending",
      changed: entry,
      closed: false,
      votes: new Map(),
      editors: new Map(),
      permit: null,
      delivery: 0,
    };
    hold.approvals.push(approval);
    this.#approvals.set(approval.id, approval);
    return approval;
  }

  /** To be called when an approval of the hold is over, or was handed on again. */
  settle(hold: KnownHold): void {
    if (!hold.approvals.every(isOver)) return;
    this.#over.delete(hold);
    this.#over.add(hold);
    if (this.#over.size <= mostHolds) return;
    for (const oldest of this.#over) {
      if (this.#over.size <= rememberedHolds) return;
      this.#forget(oldest);
    }
  }

  #newHold({ hold: id, call }: LeafOf<"approval.requested">, permitted: ReadonlySet<number>): KnownHold {
    const hold = { id, call, approvals: [], permitted, usable: null, releasedTo: null };
    this.#holds.set(id, hold);
    return hold;
  }

  #forget(hold: KnownHold): void {
    this.#hasForgotten = true;
    this.#holds.delete(hold.id);
    this.#over.delete(hold);
    for (const { id, state, changed: entry } of hold.approvals) {
      this.#approvals.delete(id);
      this.#ended.set(id, { state, entry });
    }
  }
}

export function isOver({ state, closed }: KnownApproval): boolean {
  return closed || state === "released";
}

/** Without what an entry says besides: there may be many. */
function signedOff(leaf: LeafOf<"approval.requested">): SignedOff {
  const { application, user, call, approval, kind, tool, target, effect, tool_digest } = leaf;
  return { application, user, call, approval, kind, tool, target, effect, tool_digest };
}
