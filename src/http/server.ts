// The HTTP server: the data plane, health, and the admin API on one address.

import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import type { Refusal } from "../core/refusal.ts";
import type { Admission } from "../gateway/admission.ts";
import type { PartsInForce } from "../gateway/parts-in-force.ts";
import { type AdminServices, adminApi } from "./admin-api.ts";
import { approvalLink } from "./approval-link.ts";
import { DataPlane } from "./data-plane.ts";
import { Listener, type TlsIdentity, within } from "./listener.ts";
import { type LogServices, logRoutes } from "./log-routes.ts";
import { refuse } from "./refusal-reply.ts";
import { sourceAddressBehind } from "./source-address.ts";

export interface HttpServerOptions {
  readonly inForce: PartsInForce;
  readonly admission: Admission;
  readonly admin: AdminServices;
  readonly log: LogServices;
  readonly trustedProxies: readonly string[];
  readonly bodyBytes: number;
  readonly headerBytes: number;
  readonly connections: number;
  /** Told of each connection that there is no room for. */
  readonly onFull: () => void;
  /** Null where something else terminates TLS, or nothing does. */
  readonly tls: TlsIdentity | null;
  /** Told of every refusal that goes to a client. */
  readonly onRefused: (refusal: Refusal) => void;
  /** Whether calls can be recorded just now. */
  readonly ready: () => boolean;
}

export interface HttpServer {
  /** The URL. Rejects when the address cannot be had. */
  listen(host: string, port: number): Promise<string>;
  /** For connections from now on. Throws for what cannot be used; then everything is as it was. */
  replaceTls(tls: TlsIdentity): void;
  /**
   * Takes no more calls, lets those under way finish for at most `drainMs`, aborts the rest, and closes every connection
   * once they are on record. Resolves within `drainMs` and a few seconds, whatever clients do.
   */
  close(drainMs: number): Promise<void>;
}

/** How long an aborted call may take to be recorded, before and after its connection is closed. */
const recordingMs = 2000;

export async function httpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { admission, onRefused } = options;
  const listener = new Listener(options);
  const calls = new DataPlane(options);
  const app = fastifyOn(listener, options);
  calls.addRoutes(app);
  approvalLink(app);
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (_request, reply) => {
    const ready = options.ready() && !admission.draining;
    return reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not ready" });
  });
  await app.register(adminApi(options.admin, sourceAddressBehind(options.trustedProxies)), {
    prefix: "/api",
  });
  await app.register(logRoutes(options.log), { prefix: "/log" });
  refuseUnknownRoutes(app, onRefused);
  return {
    listen: (host, port) => listener.listen(app, host, port),
    replaceTls: (tls) => listener.replaceTls(tls),
    close: async (drainMs) => {
      const drained = admission.drain();
      if (await within(drained, drainMs)) {
        await listener.close();
      } else {
        calls.abortAll();
        await within(drained, recordingMs);
        await listener.close(0);
        await within(drained, recordingMs);
      }
      await app.close();
    },
  };
}

function fastifyOn(
  listener: Listener,
  { bodyBytes, onRefused }: Pick<HttpServerOptions, "bodyBytes" | "onRefused">,
): FastifyInstance {
  const refuseFault = (reply: FastifyReply, error: Fault): void => {
    const refusal = requestRefusal(error, bodyBytes);
    onRefused(refusal);
    refuse(reply, refusal);
  };
  const app = Fastify({
    serverFactory: (handler) => listener.serve(handler),
    // The listener answers these itself, on every server.
    clientErrorHandler: () => {},
    frameworkErrors: (error, _request, reply) => refuseFault(reply, error),
    bodyLimit: bodyBytes,
    // A call has an id of its own, and nothing else needs one.
    genReqId: () => "",
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 400 },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  // A client that asks first gets its answer when nothing on the head of its request stands against it.
  app.addHook("preParsing", async (request, reply) => {
    if (listener.expectsContinue(request.raw)) reply.raw.writeContinue();
  });
  app.setErrorHandler((error: Fault, _request, reply) => refuseFault(reply, error));
  return app;
}

/** To be called last: the admin API and the log answer for their own paths, and hooks are handed down to what is added later. */
function refuseUnknownRoutes(app: FastifyInstance, onRefused: HttpServerOptions["onRefused"]): void {
  // Before the body is read, which a handler would be too late for.
  app.addHook("onRequest", async (request, reply) => {
    if (!request.is404 || /^\/(?:api|log)(?:\/|\?|$)/.test(request.url)) return;
    const path = request.url.split("?")[0]?.slice(0, 200) ?? "";
    const refusal: Refusal = { reason: "unknown_route", method: request.method, path };
    onRefused(refusal);
    refuse(reply, refusal);
  });
}

interface Fault extends Error {
  readonly statusCode?: number | undefined;
  readonly code?: string;
}

function requestRefusal(error: Fault, limitBytes: number): Refusal {
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") return { reason: "body_too_large", limitBytes };
  if (error.code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return { reason: "unsupported_media_type", detail: "the request body must be `application/json`" };
  }
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500)
    return { reason: "invalid_request", param: null, detail: "the request is malformed" };
  return { reason: "internal" };
}
