// Where a request comes from, for policy, the record and the counting of wrong keys: the connection's address, unless it
// is a trusted proxy's; then what the proxy says, which has to be an address.

import { BlockList, isIP, isIPv4, isIPv6, SocketAddress } from "node:net";
import { ownText } from "../core/own-text.ts";
import type { Refusal } from "../core/refusal.ts";
import { fail, ok, type Result } from "../core/result.ts";

/** Where it comes from, by the address of the connection and the `X-Forwarded-For` of the request. */
export type SourceAddress = (
  connection: string | undefined,
  forwardedFor: string | undefined,
) => Result<string, Refusal>;

/** `proxies` are addresses and CIDR ranges. */
export function sourceAddressBehind(proxies: readonly string[]): SourceAddress {
  const trusted = new BlockList();
  for (const proxy of proxies) {
    const [address = "", bits] = proxy.split("/");
    if (bits === undefined) trusted.addAddress(address, familyOf(address));
    else trusted.addSubnet(address, Number(bits), familyOf(address));
  }
  return (connection, forwardedFor) => {
    if (connection === undefined) return fail({ reason: "client_closed" });
    const address = canonical(connection);
    if (proxies.length === 0 || forwardedFor === undefined || forwardedFor.trim() === "") return ok(address);
    return forwarded(trusted, address, forwardedFor.split(","));
  };
}

const notAnAddress: Refusal = {
  reason: "invalid_request",
  param: null,
  detail: "`X-Forwarded-For` from a trusted proxy holds something other than IP addresses; correct the proxy",
};

/** Each proxy adds at the end the address that it saw, so only what stands behind a trusted one counts. */
function forwarded(trusted: BlockList, connection: string, hops: string[]): Result<string, Refusal> {
  let address = connection;
  while (trusted.check(address, familyOf(address))) {
    const hop = hops.pop();
    if (hop === undefined) break;
    const named = withoutPort(hop.trim());
    if (isIP(named) === 0) return fail(notAnAddress);
    // Wrong keys are counted by address long after the header is gone.
    address = canonical(ownText(named));
  }
  return ok(address);
}

function withoutPort(text: string): string {
  const [, inBrackets] = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text) ?? [];
  if (inBrackets !== undefined) return isIPv6(inBrackets) ? inBrackets : "";
  return text.replace(/^([\d.]+):\d{1,5}$/, "$1");
}

/** One way to write each address: without a zone, and IPv4 within IPv6 as the IPv4 that it is. */
function canonical(address: string): string {
  if (isIPv4(address)) return address;
  const text = new SocketAddress({ address: address.replace(/%.*$/, ""), family: "ipv6" }).address;
  return text.replace(/^::ffff:(?=\d+\.)/, "");
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}
