// A tunnel through an HTTP proxy (RFC 9110 §9.3.6): the proxy answers `CONNECT` once, and from then on it is only a wire.

import type { Socket } from "node:net";

export interface TunnelRequest {
  /** `host:port` of the upstream, an IPv6 address in brackets. */
  readonly authority: string;
  /** The value of `proxy-authorization`, or null. */
  readonly authorization: string | null;
  readonly timeoutMs: number;
}

const maxHeadBytes = 16 * 1024;

/** Resolves when the proxy has opened the tunnel over this socket; otherwise rejects and destroys the socket. */
export function openTunnel(socket: Socket, request: TunnelRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    const settle = (fault: Error | null): void => {
      clearTimeout(timer);
      socket.off("data", read).off("error", settle).off("close", closed);
      if (fault === null) return resolve();
      socket.destroy();
      reject(fault);
    };
    const closed = (): void => settle(proxyFault("PROXY_CLOSED", "the proxy closed the connection"));
    const read = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end !== -1) settle(answerFault(head.toString("latin1"), head.length > end + 4));
      else if (head.length > maxHeadBytes)
        settle(proxyFault("PROXY_INVALID", "the proxy's answer has no end"));
    };
    const timer = setTimeout(
      () => settle(proxyFault("UND_ERR_CONNECT_TIMEOUT", "the proxy did not answer in time")),
      request.timeoutMs,
    );
    socket.on("data", read).once("error", settle).once("close", closed);
    socket.write(connectRequest(request));
  });
}

function connectRequest({ authority, authorization }: TunnelRequest): string {
  const authorized = authorization === null ? "" : `proxy-authorization: ${authorization}\r\n`;
  return `CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${authorized}\r\n`;
}

/** Null when the tunnel is open. `more`: something came behind the head, before anybody spoke to the upstream. */
function answerFault(head: string, more: boolean): Error | null {
  const status = /^HTTP\/1\.[01] (\d{3})(?: |\r)/.exec(head)?.[1];
  if (status === undefined) return proxyFault("PROXY_INVALID", "the proxy does not speak HTTP/1.1");
  if (!status.startsWith("2")) return proxyFault(`PROXY_STATUS_${status}`, `the proxy answered ${status}`);
  return more ? proxyFault("PROXY_INVALID", "the proxy spoke before the upstream was asked") : null;
}

function proxyFault(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
