// The data plane: calls and the list of models. Who calls is decided on the head of a request, before it gets a slot or
// a byte of its body is read.

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import { nextTurn } from "../core/turn.ts";
import type { Admission } from "../gateway/admission.ts";
import type { Endpoint, IncomingCall } from "../gateway/call.ts";
import { cancelApproval } from "../gateway/cancel-approval.ts";
import { listModels } from "../gateway/list-models.ts";
import type { PartsInForce } from "../gateway/parts-in-force.ts";
import { handleCall } from "../gateway/pipeline.ts";
import { recognise } from "../gateway/steps/identify.ts";
import { HttpChannel } from "./http-channel.ts";
import { refuse } from "./refusal-reply.ts";
import { bodyRefusal } from "./request-head.ts";
import { type SourceAddress, sourceAddressBehind } from "./source-address.ts";
import { type Caller, Visit } from "./visit.ts";

export interface DataPlaneOptions {
  readonly inForce: PartsInForce;
  readonly admission: Admission;
  readonly trustedProxies: readonly string[];
  readonly bodyBytes: number;
  /** Told of every refusal that goes to a client. */
  readonly onRefused?: (refusal: Refusal) => void;
  /** The constant of http-channel.ts, unless a test is in a hurry. */
  readonly writeStallMs?: number;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Of a call that was admitted. */
    visit: Visit | null;
  }
}

export class DataPlane {
  readonly #options: DataPlaneOptions;
  readonly #sourceAddress: SourceAddress;
  readonly #running = new Set<HttpChannel>();
  #aborted = false;

  constructor(options: DataPlaneOptions) {
    this.#options = options;
    this.#sourceAddress = sourceAddressBehind(options.trustedProxies);
  }

  addRoutes(app: FastifyInstance): void {
    app.decorateRequest("visit", null);
    this.#addCalls(app, "/v1/chat/completions", "chat");
    this.#addCalls(app, "/v1/embeddings", "embeddings");
    this.#addCancelling(app);
    for (const path of ["/v1/models", "/v1/models/*"]) {
      app.get<{ Params: { "*"?: string } }>(path, (request, reply) => {
        const listed = this.#models(request, request.params["*"] ?? null);
        if (listed.ok) reply.send(listed.value);
        else this.#refuse(reply, listed.failure);
      });
    }
  }

  #addCancelling(app: FastifyInstance): void {
    app.delete<{ Params: { id: string } }>("/v1/portcullis/approvals/:id", async (request, reply) => {
      const address = this.#addressOf(request);
      if (!address.ok) return this.#refuse(reply, address.failure);
      const { current } = this.#options.inForce;
      const { id } = request.params;
      const cancelled = await cancelApproval(current, request.raw.headersDistinct, address.value, id);
      if (cancelled.ok) reply.send(cancelled.value);
      else this.#refuse(reply, cancelled.failure);
      return reply;
    });
  }

  /** Ends every call that is still running, on record, and begins no other. */
  abortAll(): void {
    this.#aborted = true;
    for (const channel of this.#running) channel.abort();
  }

  #addCalls(app: FastifyInstance, path: string, endpoint: Endpoint): void {
    const enter = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      const entered = await this.#enter(request, reply);
      if (entered.ok) request.visit = entered.value;
      else this.#refuse(reply, entered.failure);
    };
    app.post(path, { onRequest: enter }, async (request, reply) => {
      const { visit } = request;
      if (visit === null) throw new Error("a call got past its admission");
      reply.hijack();
      await visit.work(() => this.#run(visit, request, endpoint));
    });
  }

  async #enter(request: FastifyRequest, reply: FastifyReply): Promise<Result<Visit, Refusal>> {
    const caller = this.#recognise(request);
    if (!caller.ok) return caller;
    const unread = bodyRefusal(request.headers, this.#options.bodyBytes);
    if (unread !== null) return { ok: false, failure: unread };
    const visit = new Visit(caller.value, new HttpChannel(reply.raw, this.#options));
    const entered = await visit.enter(this.#options.admission);
    return entered.ok ? ok(visit) : entered;
  }

  #refuse(reply: FastifyReply, refusal: Refusal): void {
    this.#options.onRefused?.(refusal);
    refuse(reply, refusal);
  }

  #recognise(request: FastifyRequest): Result<Caller, Refusal> {
    const address = this.#addressOf(request);
    if (!address.ok) return address;
    const holder = recognise(this.#options.inForce.current, request.raw.headersDistinct, address.value);
    return holder.ok ? ok({ holder: holder.value, sourceAddress: address.value }) : holder;
  }

  async #run({ caller, channel }: Visit, request: FastifyRequest, endpoint: Endpoint): Promise<void> {
    if (this.#aborted) return channel.refuse({ reason: "draining", retryAfterSeconds: 1 }, {});
    this.#running.add(channel);
    try {
      const incoming: IncomingCall = {
        ...caller,
        endpoint,
        headers: request.raw.headersDistinct,
        body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
        arrivedAt: performance.now(),
      };
      await nextTurn();
      await this.#options.inForce.use((parts) => handleCall(parts, incoming, channel));
    } finally {
      this.#running.delete(channel);
    }
  }

  #models(request: FastifyRequest, id: string | null): ReturnType<typeof listModels> {
    const address = this.#addressOf(request);
    if (!address.ok) return address;
    return listModels(this.#options.inForce.current, request.raw.headersDistinct, address.value, id);
  }

  #addressOf({ raw, headers }: FastifyRequest): Result<string, Refusal> {
    const forwardedFor = headers["x-forwarded-for"];
    return this.#sourceAddress(
      raw.socket.remoteAddress,
      Array.isArray(forwardedFor) ? forwardedFor.join() : forwardedFor,
    );
  }
}
