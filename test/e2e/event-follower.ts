// An operator who follows what happens to approvals at a real gateway, so that tests can await it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { followEvents, type ServerEvent } from "../../src/cli/server-events.ts";
import type { TestGateway } from "./test-gateway.ts";

/** Far longer than any event takes; then the test fails instead of waiting for ever. */
const patience = 60_000;

/** One operator's stream of events. */
export class Follower {
  readonly #stop = new AbortController();
  readonly #signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(patience)]);
  readonly #events: AsyncGenerator<ServerEvent>;
  /** Settled when the gateway has ended the stream. */
  readonly ended = Promise.withResolvers<void>();
  last: ServerEvent | null = null;

  constructor(gateway: TestGateway, after: string | null = null, token = ownToken(gateway)) {
    let opened = false;
    const open = async (): Promise<Response> => {
      if (opened) {
        this.ended.resolve();
        this.#stop.abort();
      }
      opened = true;
      return fetch(`${gateway.url}/api/events`, {
        signal: this.#signal,
        headers: { authorization: `Bearer ${token}`, ...(after === null ? {} : { "last-event-id": after }) },
      });
    };
    this.#events = followEvents(open, this.#signal);
  }

  /** The next one: its name, and what is told. */
  async next(): Promise<readonly [name: string, data: ReturnType<typeof JSON.parse>]> {
    const { value } = await this.#events.next();
    assert.ok(value !== undefined, "the stream has ended");
    this.last = value;
    return [value.name, JSON.parse(value.data)];
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#events.return(undefined);
  }
}

export function ownToken({ folder }: Pick<TestGateway, "folder">): string {
  return JSON.parse(readFileSync(join(folder, "data", "operator.json"), "utf8")).token;
}
