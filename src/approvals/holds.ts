// Holds read and changed: each change commits with its entries if nobody was faster, and wakes whoever waits for it.

import type { EncodedEntry } from "../core/entry.ts";
import type { SecretValue } from "../core/secret-value.ts";
import { type Approval, type ApprovalContent, approvalContent, type Hold } from "./approval.ts";
import type { ApprovalStore, ChangeOutcome, KeptHold } from "./approval-store.ts";
import { holdOf, keptHoldOf } from "./kept-hold.ts";
import type { DeskFaults, Vault } from "./ports.ts";

export interface HoldsOptions {
  readonly store: ApprovalStore;
  readonly macKey: SecretValue;
  readonly vault: Vault;
  readonly faults: Pick<DeskFaults, "damaged">;
}

export interface ChangeConditions {
  readonly from?: number;
  readonly until?: number;
  readonly revision?: string;
}

export class Holds {
  readonly #options: HoldsOptions;
  readonly #listeners = new Set<(hold: Hold) => void>();

  constructor(options: HoldsOptions) {
    this.#options = options;
  }

  get store(): ApprovalStore {
    return this.#options.store;
  }

  /** Told of every hold that was filed or changed here. */
  onChange(listener: (hold: Hold) => void): void {
    this.#listeners.add(listener);
  }

  /** Null when there is none, or it was changed by somebody else. */
  async byId(id: string): Promise<Hold | null> {
    return this.#read(await this.store.hold(id));
  }

  async ofApproval(id: string): Promise<Hold | null> {
    return this.#read(await this.store.holdOfApproval(id));
  }

  async byAttachKey(attachKey: string): Promise<Hold | null> {
    return this.#read(await this.store.holdByAttachKey(attachKey));
  }

  async file(
    hold: Hold,
    caps: Parameters<ApprovalStore["file"]>[2],
    entries: readonly EncodedEntry[],
  ): Promise<"filed" | "full"> {
    const kept = keptHoldOf(hold, this.#options.macKey);
    const filed = await this.store.file(kept.hold, kept.approvals, caps, entries);
    if (filed === "filed") this.#tell(hold);
    return filed;
  }

  /** `after` is the hold as it is to be; its version is counted here. What is not `changed` has changed nothing. */
  async change(
    before: Hold,
    after: Hold,
    entries: readonly EncodedEntry[],
    conditions: ChangeConditions = {},
  ): Promise<{ readonly outcome: ChangeOutcome; readonly hold: Hold }> {
    const hold: Hold = { ...after, version: before.version + 1 };
    const kept = keptHoldOf(hold, this.#options.macKey);
    const unchanged = new Set(before.approvals);
    const changed = hold.approvals.flatMap((approval, at) => {
      const row = kept.approvals[at];
      return unchanged.has(approval) || row === undefined ? [] : [row];
    });
    const outcome = await this.store.change(
      {
        hold: kept.hold,
        approvals: changed,
        from: conditions.from ?? null,
        until: conditions.until ?? null,
        revision: conditions.revision ?? null,
      },
      entries,
    );
    if (outcome === "changed") this.#tell(hold);
    return { outcome, hold: outcome === "changed" ? hold : before };
  }

  /** Null when its subject was erased, or what was sealed is not what is there. */
  async contentOf(hold: Hold, approval: Approval): Promise<ApprovalContent | null> {
    const opened = await this.#options.vault.open(hold.subject, contentPlace(approval), approval.sealed);
    if (opened === null) return null;
    return approvalContent.parse(JSON.parse(Buffer.from(opened).toString("utf8")));
  }

  seal(
    hold: Pick<Hold, "subject">,
    approval: Pick<Approval, "hold" | "id" | "revision">,
    content: ApprovalContent,
  ): Promise<Uint8Array> {
    return this.#options.vault.seal(
      hold.subject,
      contentPlace(approval),
      Buffer.from(JSON.stringify(content)),
    );
  }

  /** The held answer, as the gateway put it there. */
  answerOf(hold: Hold): Promise<Uint8Array | null> {
    return this.#options.vault.open(hold.subject, ["hold", hold.id], hold.sealed);
  }

  sealAnswer(hold: Pick<Hold, "subject" | "id">, answer: Uint8Array): Promise<Uint8Array> {
    return this.#options.vault.seal(hold.subject, ["hold", hold.id], answer);
  }

  #read(kept: KeptHold | null): Hold | null {
    if (kept === null) return null;
    const hold = holdOf(kept, this.#options.macKey);
    if (hold === null) this.#options.faults.damaged(kept.hold, "it was changed in the data store");
    return hold;
  }

  #tell(hold: Hold): void {
    for (const listener of this.#listeners) listener(hold);
  }
}

function contentPlace({ hold, id, revision }: Pick<Approval, "hold" | "id" | "revision">): readonly string[] {
  return ["approval", hold, id, String(revision)];
}
