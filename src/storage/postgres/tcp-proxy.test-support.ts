// Stands between a gateway and its database server, as a load balancer does, and cuts connections where a test says.

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface TcpProxy {
  readonly port: number;
  /** Where new connections lead from now on; those there are end. */
  lead(port: number): void;
  /** The next client that sends this text loses its connection: behind it, or before the server has it. */
  cutAt(text: string, where: "before" | "behind"): void;
  close(): Promise<void>;
}

export async function tcpProxy(target: number): Promise<TcpProxy> {
  let port = target;
  let cut: { readonly text: string; readonly where: "before" | "behind" } | null = null;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    const both = [client, upstream];
    for (const socket of both) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        for (const one of both) one.destroy();
      });
    }
    upstream.on("data", (chunk: Buffer) => client.write(chunk));
    client.on("data", (chunk: Buffer) => {
      if (cut === null || !chunk.includes(cut.text)) {
        upstream.write(chunk);
        return;
      }
      const { where } = cut;
      cut = null;
      if (where === "before") client.destroy();
      else {
        // The server has it, and its answer reaches nobody.
        client.removeAllListeners("close");
        upstream.removeAllListeners("data");
        upstream.end(chunk);
        client.destroy();
      }
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return {
    port: address.port,
    lead: (elsewhere) => {
      port = elsewhere;
      for (const socket of open) socket.destroy();
    },
    cutAt: (text, where) => {
      cut = { text, where };
    },
    close: async () => {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, "close");
    },
  };
}
