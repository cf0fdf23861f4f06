import assert from "node:assert/strict";
import { BlockList, isIP } from "node:net";
import { test } from "node:test";
import { listenFault, proxyFault } from "./listen.ts";

test("a listen address is a host and a port", () => {
  for (const right of [
    "127.0.0.1:0",
    "0.0.0.0:65535",
    "[::1]:1",
    "localhost:1",
    "my_host-1.example.com:443",
  ]) {
    assert.equal(listenFault(right), null, right);
  }
  const wrong: readonly (readonly [listen: string, message: RegExp])[] = [
    ["127.0.0.1", /write HOST:PORT/],
    [":8787", /write HOST:PORT/],
    ["8787", /write HOST:PORT/],
    ["::1:8787", /write HOST:PORT/],
    ["http://localhost:1", /write HOST:PORT/],
    ["localhost:", /write HOST:PORT/],
    ["localhost:-1", /write HOST:PORT/],
    ["localhost:1\n", /write HOST:PORT/],
    ["local host:1", /write HOST:PORT/],
    ["localhost:65536", /larger than 65535/],
    ["localhost:99999999999999999999", /larger than 65535/],
    ["[]:1", /IPv6/],
    ["[127.0.0.1]:1", /IPv6/],
    ["[::g]:1", /IPv6/],
    ["256.0.0.1:1", /as a name or an IP address/],
    ["127.1:1", /as a name or an IP address/],
    ["*:1", /as a name or an IP address/],
    ["-a:1", /as a name or an IP address/],
  ];
  for (const [listen, message] of wrong) assert.match(listenFault(listen) ?? "", message, listen);
});

test("a trusted proxy is an address or a range, and never everybody", () => {
  const right = [
    "10.0.0.1",
    "10.0.0.0/8",
    "192.168.1.7/32",
    "::1",
    "fd00::/8",
    "2001:db8::1/128",
    "0.0.0.0/1",
  ];
  for (const one of right) assert.equal(proxyFault(one), null, one);
  const wrong = [
    "",
    "proxy.internal",
    "10.0.0",
    "10.0.0.1:80",
    "010.0.0.1",
    "fe80::1%eth0",
    "loopback",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.0/0x8",
    "10.0.0.0/8.0",
    "10.0.0.0/ 8",
    "10.0.0.0/255.0.0.0",
    "::/129",
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/00",
  ];
  for (const one of wrong) assert.notEqual(proxyFault(one), null, one);
});

test("what is taken for a proxy can be put into the list that the server keeps", () => {
  for (const one of ["10.0.0.1", "10.0.0.1/8", "192.168.1.7/32", "fd00::/8", "2001:db8::1/128"]) {
    assert.equal(proxyFault(one), null);
    const [address = "", bits] = one.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    const list = new BlockList();
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
    assert.ok(list.check(address, family));
    assert.ok(!list.check("8.8.8.8"));
  }
});
