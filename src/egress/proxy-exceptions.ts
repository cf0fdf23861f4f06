// Which hosts are reached without the proxy.

import { BlockList, isIP } from "node:net";

/** Whether this host (an address without brackets) is reached directly. */
export type IsException = (host: string) => boolean;

/**
 * Each of `written` is a host, `.domain` for a domain and all under it, an address, a CIDR range, or `*`. Loopback is an
 * exception always: what listens there is on this host and not on the proxy's.
 */
export function proxyExceptions(written: readonly string[]): IsException {
  const addresses = new BlockList();
  addresses.addSubnet("127.0.0.0", 8, "ipv4");
  addresses.addAddress("::1", "ipv6");
  const hosts = new Set(["localhost"]);
  const domains: string[] = [];
  for (const one of written) {
    const [address = "", bits] = one.split("/");
    const version = isIP(address);
    if (one === "*") return () => true;
    if (version !== 0)
      addresses.addSubnet(address, Number(bits ?? (version === 4 ? 32 : 128)), familyOf(version));
    else if (one.startsWith(".")) domains.push(one.toLowerCase());
    else hosts.add(one.toLowerCase());
  }
  return (host) => {
    const version = isIP(host);
    if (version !== 0) return addresses.check(host, familyOf(version));
    const name = host.toLowerCase().replace(/\.$/, "");
    return hosts.has(name) || domains.some((domain) => `.${name}`.endsWith(domain));
  };
}

function familyOf(version: number): "ipv4" | "ipv6" {
  return version === 6 ? "ipv6" : "ipv4";
}
