// The log as outsiders read it (c2sp.org/tlog-tiles): its signed checkpoint, and below that the tiles of its tree and its
// entries. For operators, unless the config opens it to everybody.

import { hash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { parseTilePath, type TilePlace, widthIn } from "portcullis-verify/log/tiles.ts";
import type { StoredCheckpoint } from "../audit/log-store.ts";
import { FencedError, LogUnavailableError } from "../audit/log-store.ts";
import { type AdminFailure, failureOf, refuse } from "./admin/admin-error.ts";
import { challenge, type OperatorTokens, operatorOf } from "./admin/bearer-token.ts";
import { foreignSite } from "./admin/own-site.ts";
import { PacedWork } from "./paced-work.ts";

export interface LogServices extends OperatorTokens {
  readonly vkey: string;
  /** The latest that is published; null before the first. */
  checkpoint(): Pick<StoredCheckpoint, "size" | "note"> | null;
  /** What a tile within the checkpoint holds. Rejects with `LogUnavailableError` when it cannot be read. */
  tile(place: TilePlace): Promise<Buffer>;
  /** Whether everybody may read it. */
  isPublic(): boolean;
  /** Told of what an answer only calls a fault of the gateway's own. */
  onFault(fault: Error, route: string): void;
}

/** So many requests wait for a tile to be read; a client that reads in parallel needs some. */
const maxWaiting = 1_000;
/** So much of what was read may wait for clients that are slow to take it. */
const maxUnsentBytes = 64 * 1024 * 1024;

const checkpointSeconds = 1;
const vkeySeconds = 60;
const tileSeconds = 365 * 24 * 60 * 60;

const text = "text/plain; charset=utf-8";
const bytes = "application/octet-stream";

/** To be registered under `/log`. */
export function logRoutes(services: LogServices): FastifyPluginAsync {
  return async (app) => {
    answerFaults(app, services);
    app.addHook("onRequest", async (request, reply) => admit(services, request, reply));
    const shared = (): string => (services.isPublic() ? "public" : "private");
    app.get("/checkpoint", async (request, reply) => {
      const checkpoint = services.checkpoint();
      if (checkpoint === null) return refuse(reply, unavailable);
      reply.header("cache-control", `${shared()}, max-age=${checkpointSeconds}, must-revalidate`);
      return answer(request, reply, text, Buffer.from(checkpoint.note));
    });
    app.get("/vkey", async (request, reply) => {
      reply.header("cache-control", `${shared()}, max-age=${vkeySeconds}`);
      return answer(request, reply, text, Buffer.from(`${services.vkey}\n`));
    });
    const tiles = new TileReader(services);
    app.get("/tile/*", async (request, reply) => {
      // As it came: of each tile there is one spelling, so that there is one copy of it in a cache.
      const place = parseTilePath(request.url.slice("/log/".length));
      const size = services.checkpoint()?.size ?? 0;
      if (place === null || widthIn(size, place) < place.width) return notFound(request, reply);
      const read = await tiles.read(place, reply);
      if (read === null) return refuse(reply.header("retry-after", "1"), busy);
      reply.header("cache-control", `${shared()}, max-age=${tileSeconds}, immutable`);
      return place.level === "entries"
        ? answerCompressed(request, reply, read)
        : answer(request, reply, bytes, read);
    });
  };
}

async function admit(
  services: LogServices,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  // Until something is found that may be kept.
  reply.header("cache-control", "no-store");
  if (services.isPublic()) return undefined;
  const foreign = foreignSite(request.headers);
  if (foreign !== null) return refuse(reply, foreign);
  const known = await operatorOf(services, request);
  return known.ok ? undefined : challenge(reply, known.failure);
}

/** Reads beside calls, which come first. */
class TileReader {
  readonly #services: Pick<LogServices, "tile">;
  readonly #work = new PacedWork(maxWaiting);
  #unsentBytes = 0;

  constructor(services: Pick<LogServices, "tile">) {
    this.#services = services;
  }

  /** Null when others have to be served first. */
  async read(place: TilePlace, { raw }: FastifyReply): Promise<Buffer | null> {
    return this.#work.run(async () => {
      if (raw.destroyed || this.#unsentBytes > maxUnsentBytes) return null;
      let unsent = 0;
      raw.once("close", () => {
        this.#unsentBytes -= unsent;
      });
      const tile = await this.#services.tile(place);
      if (raw.destroyed) return null;
      unsent = tile.length;
      this.#unsentBytes += unsent;
      return tile;
    });
  }
}

const compress = promisify(gzip);

async function answerCompressed(
  request: FastifyRequest,
  reply: FastifyReply,
  read: Buffer,
): Promise<FastifyReply> {
  reply.header("vary", "accept-encoding");
  if (!takesGzip(request.headers["accept-encoding"])) return answer(request, reply, bytes, read);
  reply.header("content-encoding", "gzip");
  return answer(request, reply, bytes, await compress(read));
}

function answer(request: FastifyRequest, reply: FastifyReply, type: string, body: Buffer): FastifyReply {
  const tag = `"${hash("sha256", body, "base64url")}"`;
  reply.header("etag", tag);
  if (hasTag(request.headers["if-none-match"], tag)) return reply.code(304).send();
  return reply.header("content-type", type).send(body);
}

/** RFC 9110 §13.1.2, where weak tags compare like strong ones. */
function hasTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header
    .split(",")
    .map((one) => one.trim().replace(/^W\//, ""))
    .some((one) => one === "*" || one === tag);
}

/** RFC 9110 §12.5.3: its own weight, or else that of `*`. */
function takesGzip(header: string | string[] | undefined): boolean {
  const weights = new Map<string, number>();
  for (const one of [header ?? ""].flat().join(",").split(",")) {
    const [coding = "", ...parameters] = one.split(";").map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    weights.set(coding, weight === undefined ? 1 : Number(weight.slice(2)));
  }
  return (weights.get("gzip") ?? weights.get("x-gzip") ?? weights.get("*") ?? 0) > 0;
}

const unavailable: AdminFailure = {
  code: "unavailable",
  message: "the log cannot be read now; try again when /readyz says so",
};
const busy: AdminFailure = {
  code: "unavailable",
  message: "too much of the log is being read; try again, with fewer requests at a time",
};

function notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.slice(0, 200);
  const message = `there is no \`${request.method} ${path}\` in the log as it is published; /log/checkpoint says how large it is`;
  return refuse(reply, { code: "not_found", message });
}

function answerFaults(app: FastifyInstance, services: Pick<LogServices, "onFault">): void {
  app.setNotFoundHandler(notFound);
  app.setErrorHandler((thrown: unknown, request, reply) => {
    reply.header("cache-control", "no-store");
    if (thrown instanceof LogUnavailableError || thrown instanceof FencedError)
      return refuse(reply, unavailable);
    const failure = failureOf(thrown);
    if (failure !== null) return refuse(reply, failure);
    services.onFault(thrown instanceof Error ? thrown : new Error(String(thrown)), `GET ${request.url}`);
    const message = "the gateway met a fault of its own; its log says more";
    return refuse(reply, { code: "internal", message });
  });
}
