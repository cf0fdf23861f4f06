// An upstream on loopback that writes bytes by hand, for what no HTTP server can be made to say.

import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export interface RawUpstream extends AsyncDisposable {
  readonly url: string;
  /** Connections so far. */
  readonly connections: number;
}

/** `answer` is called for each request, once its body is there; `server` for TLS. */
export async function rawUpstream(
  answer: (socket: Socket, request: string) => void,
  server: Server = createServer(),
  protocol: "http" | "https" = "http",
): Promise<RawUpstream> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on(protocol === "http" ? "connection" : "secureConnection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    let received = "";
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      const end = endOfRequest(received);
      if (end === -1) return;
      const request = received.slice(0, end);
      received = received.slice(end);
      answer(socket, request);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `${protocol}://127.0.0.1:${port}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Where the first request ends in what was received, or -1 while it is not all there. */
function endOfRequest(received: string): number {
  const head = received.indexOf("\r\n\r\n");
  if (head === -1) return -1;
  const [, length = "0"] = /^content-length: (\d+)/im.exec(received) ?? [];
  const end = head + 4 + Number(length);
  return received.length < end ? -1 : end;
}
