// The HTTP server: the data plane on raw requests and responses, health, and the admin API.

import { randomUUID } from "node:crypto";
import { BlockList, isIP } from "node:net";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Refusal } from "../core/refusal.ts";
import type { Admission } from "../gateway/admission.ts";
import type { Endpoint, IncomingCall } from "../gateway/call.ts";
import { listModels } from "../gateway/list-models.ts";
import type { PartsInForce } from "../gateway/parts-in-force.ts";
import { handleCall } from "../gateway/pipeline.ts";
import { type AdminServices, adminApi } from "./admin-api.ts";
import { HttpChannel } from "./http-channel.ts";
import { refusalToResponse } from "./refusal-to-response.ts";

export interface HttpServerOptions {
  readonly inForce: PartsInForce;
  readonly admission: Admission;
  readonly admin: AdminServices;
  readonly trustedProxies: readonly string[];
  readonly bodyBytes: number;
  readonly headerBytes: number;
  /** Whether calls can be recorded just now. */
  readonly ready: () => boolean;
}

export interface HttpServer {
  readonly app: FastifyInstance;
  /** Ends every call that is still running, on record, when a drain has run out of time. */
  abortAll(): void;
}

export async function httpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { inForce, admission } = options;
  const proxies = proxyList(options.trustedProxies);
  const running = new Set<HttpChannel>();
  const app = Fastify({
    bodyLimit: options.bodyBytes,
    trustProxy:
      proxies === null ? false : (address) => proxies.check(address, isIP(address) === 6 ? "ipv6" : "ipv4"),
    genReqId: () => randomUUID(),
    http: { maxHeaderSize: options.headerBytes },
    requestTimeout: 120_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 400 },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );

  app.setErrorHandler(
    (error: Error & { readonly statusCode?: number; readonly code?: string }, _request, reply) =>
      refuse(reply, requestRefusal(error, options.bodyBytes)),
  );
  app.setNotFoundHandler((request, reply) => {
    refuse(reply, {
      reason: "unknown_route",
      method: request.method,
      path: request.url.split("?")[0]?.slice(0, 200) ?? "",
    });
  });

  const admit = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const entered = await admission.enter(null);
    if (!entered.ok) return void refuse(reply, entered.failure);
    reply.raw.once("close", entered.value);
    request.raw.once("error", entered.value);
  };
  for (const [path, endpoint] of [
    ["/v1/chat/completions", "chat"],
    ["/v1/embeddings", "embeddings"],
  ] as const satisfies readonly (readonly [string, Endpoint])[]) {
    app.post(path, { onRequest: admit }, async (request, reply) => {
      reply.hijack();
      const channel = new HttpChannel(reply.raw);
      running.add(channel);
      try {
        const incoming: IncomingCall = {
          endpoint,
          headers: request.headers,
          body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
          sourceAddress: request.ip,
          arrivedAt: performance.now(),
        };
        await inForce.use((parts) => handleCall(parts, incoming, channel));
      } finally {
        running.delete(channel);
      }
    });
  }
  const models = async (
    request: FastifyRequest<{ Params: { "*"?: string } }>,
    reply: FastifyReply,
  ): Promise<void> => {
    const listed = listModels(inForce.current, request.headers, request.ip, request.params["*"] ?? null);
    if (listed.ok) await reply.send(listed.value);
    else refuse(reply, listed.failure);
  };
  app.get("/v1/models", models);
  app.get("/v1/models/*", models);
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (_request, reply) => {
    const ready = options.ready() && !admission.draining;
    return reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not ready" });
  });
  await app.register(adminApi(options.admin), { prefix: "/api" });
  return {
    app,
    abortAll: () => {
      for (const channel of running) channel.abort();
    },
  };
}

function refuse(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { status, headers, body } = refusalToResponse(refusal, null);
  return reply
    .code(status)
    .headers(headers)
    .type("application/json; charset=utf-8")
    .send(JSON.stringify(body));
}

function requestRefusal(
  error: { readonly statusCode?: number; readonly code?: string },
  limitBytes: number,
): Refusal {
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") return { reason: "body_too_large", limitBytes };
  if (error.code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return { reason: "unsupported_media_type", detail: "the request body must be `application/json`" };
  }
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500)
    return { reason: "invalid_request", param: null, detail: "the request is malformed" };
  return { reason: "internal" };
}

function proxyList(written: readonly string[]): BlockList | null {
  if (written.length === 0) return null;
  const list = new BlockList();
  for (const one of written) {
    const [address = "", bits] = one.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
