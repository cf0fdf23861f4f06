// How connections of the gateway go out: directly, to an address that was checked, or through the proxy; and whose
// certificates count.

import { isIPv6, type LookupFunction } from "node:net";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { buildConnector } from "undici";
import type { SecretValue } from "../core/secret-value.ts";
import { type IsException, proxyExceptions } from "./proxy-exceptions.ts";
import { openTunnel } from "./proxy-tunnel.ts";

export interface EgressOptions {
  /** Null reaches everything directly. */
  readonly proxy: ProxyOptions | null;
  /** Certificates in PEM that are trusted besides Node's; null for none. */
  readonly authorities: string | null;
}

export interface ProxyOptions {
  readonly url: string;
  /** `USER:PASSWORD`, asked for with every connection; null for a proxy that wants none. Rejects when it cannot be had. */
  readonly credentials: (() => Promise<SecretValue>) | null;
  readonly exceptions: readonly string[];
}

export interface ConnectionOptions {
  /** For each step: to the proxy, its answer, TLS. */
  readonly timeoutMs: number;
  /** For direct connections: refuses names that lead where they should not. */
  readonly lookup: LookupFunction;
}

export class Egress {
  readonly #proxy: ProxyOptions | null;
  readonly #isException: IsException;
  readonly #trust: { readonly secureContext?: SecureContext };

  constructor({ proxy, authorities }: EgressOptions) {
    this.#proxy = proxy;
    this.#isException = proxyExceptions(proxy?.exceptions ?? []);
    // Made once: reading all of Node's certificates for each connection would cost more than the rest of it.
    this.#trust =
      authorities === null
        ? {}
        : { secureContext: createSecureContext({ ca: [...getCACertificates("default"), authorities] }) };
  }

  /** For the `connect` of undici's pools. */
  connector({ timeoutMs, lookup }: ConnectionOptions): buildConnector.connector {
    const common = { ...this.#trust, timeout: timeoutMs, allowH2: false };
    const direct = buildConnector({ ...common, lookup });
    const proxy = this.#proxy;
    if (proxy === null) return direct;
    const inner = buildConnector(common);
    return (options, callback) => {
      if (this.#isException(options.hostname.replace(/^\[|\]$/g, ""))) return direct(options, callback);
      tunnelled(inner, proxy, options, timeoutMs).then(
        (socket) => callback(null, socket),
        (fault: unknown) => callback(fault instanceof Error ? fault : new Error(String(fault)), null),
      );
    };
  }
}

type Connection = Parameters<buildConnector.connector>[0];
type ConnectedSocket = Exclude<Parameters<buildConnector.Callback>[1], null>;

/** The name of the upstream goes to the proxy as it is: the proxy resolves it, and what it may reach is the proxy's to say. */
async function tunnelled(
  connect: buildConnector.connector,
  proxy: ProxyOptions,
  options: Connection,
  timeoutMs: number,
): Promise<ConnectedSocket> {
  const { hostname, port, protocol } = new URL(proxy.url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const credentials = await proxy.credentials?.();
  const authorization = credentials?.use((text) => `Basic ${Buffer.from(text).toString("base64")}`) ?? null;
  const socket = await connected(connect, { hostname: host, host, protocol, port: portOf(port, protocol) });
  const upstream = isIPv6(options.hostname) ? `[${options.hostname}]` : options.hostname;
  const authority = `${upstream}:${portOf(options.port, options.protocol)}`;
  await openTunnel(socket, { authority, authorization, timeoutMs });
  return options.protocol === "https:" ? connected(connect, { ...options, httpSocket: socket }) : socket;
}

function portOf(port: string, protocol: string): string {
  if (port !== "") return port;
  return protocol === "https:" ? "443" : "80";
}

function connected(connect: buildConnector.connector, options: Connection): Promise<ConnectedSocket> {
  return new Promise((resolve, reject) => {
    connect(options, (...[fault, socket]) => {
      // On a failure undici leaves the socket out altogether.
      if (fault === null) resolve(socket);
      else reject(fault);
    });
  });
}
