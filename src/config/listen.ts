// Where the gateway listens and whose word on client addresses counts. Keys travel in clear text without TLS, so beyond
// loopback something else has to terminate it.

import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";

/** What is wrong with a `HOST:PORT`, or null. */
export function listenFault(listen: string): string | null {
  const match = /^(?:\[(?<inner>[^\]]*)\]|(?<name>[^:\s]+)):(?<port>\d+)$/.exec(listen);
  const { inner, name, port } = match?.groups ?? {};
  if (port === undefined) return "write HOST:PORT, for example 127.0.0.1:8787 or [::1]:8787";
  if (Number(port) > 65_535) return "the port is larger than 65535; write 1 to 65535, or 0 for any free one";
  if (inner !== undefined && !isIPv6(inner)) return "between `[` and `]` belongs an IPv6 address";
  if (name !== undefined && !isHost(name)) return "write the host as a name or an IP address";
  return null;
}

export interface Protection {
  readonly trusted_proxies: readonly string[];
  readonly tls?: unknown;
}

/** What is wrong with listening there under this protection, or null. `listen` has no `listenFault`. */
export function exposureFault(listen: string, { trusted_proxies, tls }: Protection): string | null {
  if (tls !== undefined || trusted_proxies.length > 0 || isLoopback(listen)) return null;
  return "beyond loopback TLS is needed; set `server.tls`, or name the proxy that terminates it in `server.trusted_proxies`";
}

/** What is wrong with an address or CIDR range, or null. */
export function proxyFault(range: string): string | null {
  const [address = "", bits, ...rest] = range.split("/");
  const version = address.includes("%") ? 0 : isIP(address);
  if (version === 0 || rest.length > 0)
    return "write an IP address or a range such as 10.0.0.0/8, not a name";
  if (bits === undefined) return null;
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > (version === 4 ? 32 : 128)) {
    return `after the \`/\` belongs a number of bits, 1 to ${version === 4 ? 32 : 128}`;
  }
  // Everybody could then state any address, and policy decides on addresses.
  if (Number(bits) === 0) return "this trusts every client to state its own address; name your proxies only";
  return null;
}

export function isLoopback(listen: string): boolean {
  const host = listen.slice(0, listen.lastIndexOf(":")).replace(/^\[|\]$/g, "");
  if (host.toLowerCase() === "localhost") return true;
  // A name such as `127.example.com` leads wherever its owner says.
  return isIP(host) !== 0 && loopback.check(host, isIPv6(host) ? "ipv6" : "ipv4");
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

function isHost(name: string): boolean {
  if (/^[\d.]+$/.test(name)) return isIPv4(name);
  return name.length <= 253 && /^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/i.test(name);
}
