// Where metrics are scraped: a listener of its own, so that who may scrape and who may call are different questions.

import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Result } from "../core/result.ts";
import type { SecretValue } from "../core/secret-value.ts";
import { listenAt, say, sideServer } from "./side-listener.ts";

export interface MetricsServerOptions {
  /** The page and its content type. */
  readonly render: () => Promise<string>;
  readonly contentType: string;
  /** What a scraper has to send as a bearer token; null asks for none. */
  readonly token: (() => Promise<Result<SecretValue, string>>) | null;
  /** Told, in words, why nobody can be let in. */
  readonly onProblem: (why: string) => void;
}

/** A handful of scrapers, and none of them slow. */
const maxConnections = 64;

export class MetricsServer {
  readonly #options: MetricsServerOptions;
  readonly #server: Server;
  /** Scrapes that come together get the same page. */
  #rendering: Promise<string> | null = null;

  constructor(options: MetricsServerOptions) {
    this.#options = options;
    this.#server = sideServer(maxConnections, (request, response) => this.#answer(request, response));
  }

  /** The URL. Rejects when the address cannot be had. */
  async listen(host: string, port: number): Promise<string> {
    return `${await listenAt(this.#server, host, port)}/metrics`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split("?")[0];
    if (path !== "/metrics") return say(response, 404, "metrics are at /metrics\n");
    if (request.method !== "GET" && request.method !== "HEAD")
      return say(response, 405, "use GET\n", { allow: "GET" });
    try {
      if (!(await this.#mayScrape(request))) {
        return say(response, 401, "send the token of `metrics.token`\n", { "www-authenticate": "Bearer" });
      }
      const page = await this.#render();
      say(response, 200, request.method === "HEAD" ? "" : page, {
        "content-type": this.#options.contentType,
      });
    } catch (fault) {
      this.#options.onProblem(fault instanceof Error ? fault.message : String(fault));
      say(response, 500, "the metrics could not be read\n");
    }
  }

  #render(): Promise<string> {
    this.#rendering ??= this.#options.render().finally(() => {
      this.#rendering = null;
    });
    return this.#rendering;
  }

  async #mayScrape({ headers }: IncomingMessage): Promise<boolean> {
    if (this.#options.token === null) return true;
    const sent = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
    if (sent === undefined) return false;
    const token = await this.#options.token();
    if (!token.ok) {
      this.#options.onProblem(token.failure);
      return false;
    }
    return token.value.useBytes((value) => timingSafeEqual(sha256(sent), sha256(value)));
  }
}

function sha256(value: string | Uint8Array): Uint8Array {
  return createHash("sha256").update(value).digest();
}
