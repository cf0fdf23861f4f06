// Which addresses an outgoing connection may go to. The check runs where the name is resolved for the connection itself,
// so the address checked is the address connected to.

import { type LookupAddress, type LookupAllOptions, lookup as systemLookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** Where an address leads: `outside`, to this host, into a network of ours, or nowhere that could be an upstream. */
export type AddressReach = "outside" | "loopback" | "internal" | "never";

/** As `dns.lookup` with `all`. */
export type ResolveName = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

const loopback = blockList([
  ["127.0.0.0", 8],
  ["::1", 128],
]);

/** Private, shared, link-local (cloud metadata among them) and special-purpose networks (RFC 6890). */
const internal = blockList([
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  // IPv6 that carries an IPv4 address leads wherever a translator or tunnel takes it.
  ["::", 96],
  ["::ffff:0:0:0", 96],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["2001::", 32],
  ["2002::", 16],
]);

/** Unspecified, multicast, broadcast and reserved. */
const never = blockList([
  ["0.0.0.0", 8],
  ["224.0.0.0", 3],
  ["::", 128],
  ["ff00::", 8],
]);

/** IPv4 mapped into IPv6 counts as IPv4. What is not an address leads nowhere. */
export function reachOf(address: string): AddressReach {
  const [bare = ""] = address.split("%");
  const version = isIP(bare);
  if (version === 0) return "never";
  const family = version === 6 ? "ipv6" : "ipv4";
  if (loopback.check(bare, family)) return "loopback";
  if (never.check(bare, family)) return "never";
  return internal.check(bare, family) ? "internal" : "outside";
}

/**
 * A `lookup` for sockets. A name may lead only outside, `localhost` only to this host, and with `allowPrivate` any name
 * also inside. An address written in the config is not looked up: it means itself. Refuses with an error whose code is
 * `EGRESS_REFUSED` when any of a name's addresses is refused.
 */
export function guardedLookup(
  allowPrivate: boolean,
  resolveName: ResolveName = systemLookup,
): LookupFunction {
  return (hostname, options, callback) => {
    resolveName(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, "");
      const [first] = addresses;
      if (
        first === undefined ||
        !addresses.every(({ address }) => mayReach(hostname, address, allowPrivate))
      ) {
        return callback(refusedError(hostname), "");
      }
      if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function mayReach(hostname: string, address: string, allowPrivate: boolean): boolean {
  switch (reachOf(address)) {
    case "outside":
      return hostname !== "localhost";
    case "loopback":
      return allowPrivate || hostname === "localhost";
    case "internal":
      return allowPrivate;
    case "never":
      return false;
  }
}

function refusedError(hostname: string): NodeJS.ErrnoException {
  const message = `\`${hostname}\` resolves to an internal address; set \`allow_private_addresses\` if that is meant`;
  return Object.assign(new Error(message), { code: "EGRESS_REFUSED" });
}

function blockList(networks: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [network, bits] of networks) {
    list.addSubnet(network, bits, network.includes(":") ? "ipv6" : "ipv4");
  }
  return list;
}
