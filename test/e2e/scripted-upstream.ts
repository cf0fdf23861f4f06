// An upstream that says exactly the bytes a test gives it, and keeps the bytes that it was sent.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface ScriptedUpstream {
  /** With `/v1`. */
  readonly baseUrl: string;
  /** Bodies of the requests so far. */
  readonly bodies: readonly Buffer[];
  close(): void;
}

/** `answer` is called once a request's body is there. */
export async function scriptedUpstream(
  answer: (response: ServerResponse, request: IncomingMessage, body: Buffer) => void,
): Promise<ScriptedUpstream> {
  const bodies: Buffer[] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    bodies.push(body);
    answer(response, request, body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    bodies,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
