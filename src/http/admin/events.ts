// What happens to approvals, as server-sent events (WHATWG HTML §9.2). Whoever was cut off goes on after the last event that
// arrived (`Last-Event-ID`), or is told what stands.

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { FeedEvent, FeedListener, Subscription } from "../../approvals/approval-feed.ts";
import { errorResponses, refuse } from "./admin-error.ts";
import { noQuery } from "./admin-schemas.ts";

export interface EventServices {
  /** Null when as many listen as may, or the gateway ends. */
  subscribe(after: string | null, listener: FeedListener): Promise<Subscription | null>;
  readonly heartbeatMs: number;
}

/** A listener that does not read is let go with this much unread, and may come back. */
const maxUnread = 1024 * 1024;

/** `stands`: whether the token with which a request came still is an operator's. */
export function eventRoutes(
  plain: FastifyInstance,
  events: EventServices,
  stands: (request: FastifyRequest) => Promise<boolean>,
): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    "/events",
    {
      exposeHeadRoute: false,
      schema: {
        operationId: "followEvents",
        summary: "What happens to approvals, as it happens",
        description:
          "Begins with `snapshot`, all that is open, unless `Last-Event-ID` names an event after which none was missed; then `approval.requested`, `approval.voted`, `approval.edited`, `approval.closed` and `approval.released`, each with the approval as it is after it and `pending`, how many wait. Comments keep the connection open. It ends when the gateway does, and with the operator's token.",
        tags: ["approvals"],
        querystring: noQuery,
        response: {
          200: { description: "the events", content: { "text/event-stream": { schema: z.string() } } },
          ...errorResponses("unavailable"),
        },
      },
    },
    async (request, reply) => {
      const after = request.headers["last-event-id"];
      const stream = new EventStream(reply, events.heartbeatMs, () => stands(request));
      const last = typeof after === "string" ? after : null;
      const subscription = await events.subscribe(last, stream);
      if (subscription !== null) return stream.open(subscription);
      const message =
        "as many follow the events as can, or the gateway ends; ask /api/approvals, or try again later";
      return refuse(reply, { code: "unavailable", message });
    },
  );
}

class EventStream implements FeedListener {
  readonly #reply: FastifyReply;
  readonly #heartbeatMs: number;
  readonly #stands: () => Promise<boolean>;
  #subscription: Subscription | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(reply: FastifyReply, heartbeatMs: number, stands: () => Promise<boolean>) {
    this.#reply = reply;
    this.#heartbeatMs = heartbeatMs;
    this.#stands = stands;
  }

  open(subscription: Subscription): void {
    const { raw } = this.#reply;
    this.#reply.hijack();
    this.#subscription = subscription;
    raw.once("close", () => this.#leave());
    if (raw.destroyed) return this.#leave();
    raw.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    });
    for (const event of subscription.first) this.event(event);
    this.#timer = setInterval(() => void this.#beat(), this.#heartbeatMs).unref();
  }

  readonly event = (event: FeedEvent): void => {
    const { id, type, ...data } = event;
    const name = type === "snapshot" ? type : `approval.${type}`;
    const told =
      "item" in data
        ? { ...data.item, pending: data.pending }
        : { approvals: data.items, pending: data.pending };
    this.#write(`event: ${name}\nid: ${id}\ndata: ${JSON.stringify(told)}\n\n`);
  };

  readonly end = (): void => {
    this.#leave();
    this.#reply.raw.end();
  };

  async #beat(): Promise<void> {
    if (await this.#stands().catch(() => false)) this.#write(": waiting\n\n");
    else this.end();
  }

  #write(text: string): void {
    const { raw } = this.#reply;
    if (raw.destroyed || raw.writableEnded) return;
    if (raw.writableLength > maxUnread) raw.destroy();
    else raw.write(text);
  }

  #leave(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#subscription?.close();
  }
}
