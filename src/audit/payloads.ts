// Payload beside the trail: encrypted under its subject's key, written after the fact and never in the way of a call.

import type { KeptField } from "portcullis-verify/rules/payload-check.ts";
import type { DataKeys } from "./data-keys.ts";
import type { Payload, PayloadStore } from "./payload-store.ts";
import type { SealedPlace } from "./sealing-key.ts";

/** Payload that will not be kept, and why. Holds no payload. */
export interface LostPayload {
  readonly entryId: string;
  readonly fields: readonly string[];
  readonly reason: "queue_full" | "subject_erased" | "store_failed";
  readonly error: Error | null;
}

export interface PayloadsOptions {
  readonly store: PayloadStore;
  readonly dataKeys: DataKeys;
  readonly onLost: (lost: LostPayload) => void;
  /** Bytes that may wait to be written; 64 MiB unless said otherwise. */
  readonly queueLimitBytes?: number;
}

interface Waiting {
  readonly entryId: string;
  readonly subject: string;
  readonly fields: Readonly<Record<string, Uint8Array>>;
  readonly bytes: number;
}

const batchEntries = 64;
const batchBytes = 4 * 1024 * 1024;
/** What an entry costs in memory besides its fields. */
const overheadBytes = 256;

export class Payloads {
  readonly #options: PayloadsOptions;
  readonly #limit: number;
  #queue: Waiting[] = [];
  #queuedBytes = 0;
  #writing: Promise<void> | null = null;

  constructor(options: PayloadsOptions) {
    this.#options = options;
    this.#limit = options.queueLimitBytes ?? 64 * 1024 * 1024;
  }

  /**
   * Takes the fields to be kept, and returns at once. They must not be changed afterwards. What cannot be kept (the queue is full, the
   * subject is gone, the store fails) is reported through `onLost`.
   */
  keep(entryId: string, subject: string, fields: Readonly<Record<string, Uint8Array>>): void {
    let bytes = overheadBytes;
    for (const value of Object.values(fields)) bytes += value.length;
    const waiting = { entryId, subject, fields, bytes };
    if (this.#queuedBytes + bytes > this.#limit) {
      this.#lose(waiting, "queue_full", null);
      return;
    }
    this.#queue.push(waiting);
    this.#queuedBytes += bytes;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when all that was given before is kept or reported as lost. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  /** The fields of an entry, in the order of their names. */
  async read(entryId: string): Promise<readonly KeptField[]> {
    const kept: KeptField[] = [];
    for (const payload of await this.#options.store.payloadsOf(entryId)) kept.push(await this.#open(payload));
    return kept.sort((one, other) => (one.field < other.field ? -1 : 1));
  }

  async #open(payload: Payload): Promise<KeptField> {
    const { field, subject, entryId } = payload;
    const key = await this.#options.dataKeys.of(subject);
    if (key === null) return { field, subject, status: "erased" };
    const place = fieldPlace(entryId, subject, field);
    const value = key.unseal(place, payload.ciphertext);
    return value === null
      ? { field, subject, status: "damaged" }
      : { field, subject, status: "readable", value };
  }

  async #writeAll(): Promise<void> {
    while (this.#queue.length > 0) {
      // Lets calls go first: encryption of one batch at a time stands between them, not of all that waits.
      await new Promise<void>((resolve) => setImmediate(resolve));
      await this.#writeBatch(this.#takeBatch());
    }
    this.#writing = null;
  }

  #takeBatch(): readonly Waiting[] {
    let count = 0;
    let bytes = 0;
    for (const waiting of this.#queue) {
      if (count > 0 && (count === batchEntries || bytes + waiting.bytes > batchBytes)) break;
      count += 1;
      bytes += waiting.bytes;
    }
    return this.#queue.splice(0, count);
  }

  async #writeBatch(batch: readonly Waiting[]): Promise<void> {
    const sealed: { readonly waiting: Waiting; readonly payloads: readonly Payload[] }[] = [];
    for (const waiting of batch) {
      const payloads = await this.#seal(waiting);
      if (payloads !== null) sealed.push({ waiting, payloads });
    }
    try {
      if (sealed.length > 0) await this.#options.store.putPayloads(sealed.flatMap((one) => one.payloads));
    } catch (error) {
      for (const { waiting } of sealed) this.#lose(waiting, "store_failed", asError(error));
    }
    for (const waiting of batch) this.#queuedBytes -= waiting.bytes;
  }

  /** Null when it is lost, which has then been reported. */
  async #seal(waiting: Waiting): Promise<readonly Payload[] | null> {
    const { entryId, subject, fields } = waiting;
    try {
      const key = await this.#options.dataKeys.of(subject);
      if (key === null) {
        this.#lose(waiting, "subject_erased", null);
        return null;
      }
      return Object.entries(fields).map(([field, value]) => ({
        entryId,
        subject,
        field,
        ciphertext: key.seal(fieldPlace(entryId, subject, field), value),
      }));
    } catch (error) {
      this.#lose(waiting, "store_failed", asError(error));
      return null;
    }
  }

  #lose(waiting: Waiting, reason: LostPayload["reason"], error: Error | null): void {
    this.#options.onLost({ entryId: waiting.entryId, fields: Object.keys(waiting.fields), reason, error });
  }
}

function fieldPlace(entryId: string, subject: string, field: string): SealedPlace {
  return { label: "portcullis/payload/v1", parts: [entryId, subject, field] };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
