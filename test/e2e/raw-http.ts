// HTTP by hand, for what no client library would send.

import { connect } from "node:net";

const patience = 10_000;

/**
 * Writes the parts one after the other and reads until the connection closes; `leave` ends it from this side at once.
 * A connection that the server leaves open and silent is a failure.
 */
export function rawExchange(
  url: string,
  parts: readonly (string | Uint8Array)[],
  leave: "stay" | "leave" = "stay",
): Promise<string> {
  return new Promise((resolved, rejected) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    let received = "";
    socket.setTimeout(patience, () => socket.destroy(new Error(`left open after: ${received}`)));
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
    });
    socket.once("connect", () => {
      for (const part of parts) socket.write(part);
      if (leave === "leave") socket.end();
    });
    socket.on("error", (fault: NodeJS.ErrnoException) => {
      // A server may close while we still write.
      if (fault.code !== "ECONNRESET" && fault.code !== "EPIPE") rejected(fault);
    });
    socket.once("close", () => resolved(received));
  });
}

/** The status of every response in what was received, interim ones included. */
export function statusesOf(received: string): readonly number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}
