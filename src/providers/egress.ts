// Which addresses an outgoing connection may go to. The check runs where the name is resolved for the connection itself,
// so the address checked is the address connected to.

import { type LookupAddress, lookup as systemLookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

const internal = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["224.0.0.0", 3],
] as const) {
  internal.addSubnet(network, bits, "ipv4");
}
for (const [network, bits] of [
  ["::", 127],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
  ["64:ff9b::", 96],
] as const) {
  internal.addSubnet(network, bits, "ipv6");
}

/** Whether an address lies inside a host, a network or a cloud's metadata service. IPv4 in IPv6 counts as IPv4. */
export function isInternalAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return true;
  return internal.check(address, family === 6 ? "ipv6" : "ipv4");
}

/** Names written as an address or `localhost` in the config mean what they say; any other may not lead inside. */
export function isWrittenInternal(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, "");
  return bare === "localhost" || (isIP(bare) !== 0 && isInternalAddress(bare));
}

/** A `lookup` for sockets that refuses names which resolve to an internal address. */
export function guardedLookup(allowInternal: boolean): LookupFunction {
  return (hostname, options, callback) => {
    systemLookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, "");
      const refused = allowInternal ? undefined : addresses.find(({ address }) => isInternalAddress(address));
      const [first] = addresses;
      if (refused !== undefined || first === undefined) {
        const message = `\`${hostname}\` resolves to an internal address; set \`allow_private_addresses\` if that is meant`;
        return callback(Object.assign(new Error(message), { code: "EGRESS_REFUSED" }), "");
      }
      if (options.all === true) callback(null, addresses satisfies LookupAddress[]);
      else callback(null, first.address, first.family);
    });
  };
}
