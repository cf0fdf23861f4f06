// A corporate proxy: it opens tunnels for `CONNECT`, resolves names itself, and may want to know who asks.

import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";

export interface ConnectProxy {
  readonly url: string;
  /** Every tunnel that was asked for, with the `proxy-authorization` that came with it. */
  readonly asked: { readonly authority: string; readonly authorization: string | undefined }[];
  /** What is answered in place of a tunnel; null opens one. */
  refusal: string | null;
  close(): void;
}

/** `hosts` maps names that nobody else can resolve to ports of this host. */
export async function startConnectProxy(hosts: Readonly<Record<string, number>> = {}): Promise<ConnectProxy> {
  const server = createServer((_request, response) => response.writeHead(405).end());
  const tunnels = new Set<{ destroy(): void }>();
  server.on("connect", (request, client, head) => {
    const authority = request.url ?? "";
    proxy.asked.push({ authority, authorization: request.headers["proxy-authorization"] });
    client.on("error", () => {});
    tunnels.add(client);
    if (proxy.refusal !== null) {
      client.end(proxy.refusal);
      return;
    }
    const [name = "", port] = authority.split(":");
    const upstream = connect({ host: "127.0.0.1", port: hosts[name] ?? Number(port) }, () => {
      client.write("HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n");
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    tunnels.add(upstream);
    upstream.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: ConnectProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    refusal: null,
    close: () => {
      server.close();
      for (const one of tunnels) one.destroy();
    },
  };
  return proxy;
}
