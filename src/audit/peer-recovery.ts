// Clears up after instances that are gone while this one works: what they left open is completed, and then it goes on
// record that it is.

import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import type { LogStore } from "./log-store.ts";
import type { OpenCalls } from "./open-calls.ts";
import type { LeftInstance, PeerStore } from "./peer-store.ts";
import { type Recorder, recoverCalls } from "./recovery.ts";
import { errorOf, type TrailFaults } from "./trail-faults.ts";

export class PeerRecovery {
  readonly #peers: PeerStore;
  readonly #store: Pick<LogStore, "head">;
  readonly #recorder: Recorder;
  readonly #openCalls: OpenCalls;
  readonly #faults: TrailFaults;
  #running: Promise<void> | null = null;

  private constructor(
    peers: PeerStore,
    store: Pick<LogStore, "head">,
    recorder: Recorder,
    openCalls: OpenCalls,
    faults: TrailFaults,
  ) {
    this.#peers = peers;
    this.#store = store;
    this.#recorder = recorder;
    this.#openCalls = openCalls;
    this.#faults = faults;
  }

  /** Null where nobody else writes. */
  static of(
    store: LogStore,
    recorder: Recorder,
    openCalls: OpenCalls,
    faults: TrailFaults,
  ): PeerRecovery | null {
    return store.peers === null ? null : new PeerRecovery(store.peers, store, recorder, openCalls, faults);
  }

  /** One run at a time; whoever asks meanwhile waits for it. Never rejects: what fails is told and tried again. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    try {
      for (const left of await this.#peers.claimLeft()) await this.#recover(left);
      this.#faults.lasts("recovery", null);
    } catch (error) {
      this.#faults.lasts("recovery", errorOf(error).message);
    }
  }

  // It writes nothing more, so the head from now on has all that it ever appended below.
  async #recover({ instance: left, openFrom }: LeftInstance): Promise<void> {
    const head = await this.#store.head();
    const from = Math.min(openFrom, head.size);
    const { completed } = await recoverCalls(this.#recorder, { openFrom: from, head }, this.#openCalls, left);
    const recovered: LeafBody<"log.recovered"> = {
      type: "log.recovered",
      actor: { kind: "gateway", id: this.#recorder.instance },
      left,
      completed: completed.length,
    };
    await this.#recorder.append([this.#recorder.encode(recovered)]);
    await this.#peers.settle(left);
  }
}
