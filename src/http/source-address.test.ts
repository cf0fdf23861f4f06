import assert from "node:assert/strict";
import { test } from "node:test";
import { flatText, heapKeptBy } from "../core/memory.test-support.ts";
import { sourceAddressBehind } from "./source-address.ts";

const behind = sourceAddressBehind(["10.0.0.0/8", "fd00::1", "127.0.0.1"]);

function addressOf(connection: string, forwardedFor?: string, through = behind): string {
  const address = through(connection, forwardedFor);
  return address.ok ? address.value : address.failure.reason;
}

test("a connection's own address counts unless it is a trusted proxy's, whatever the request says", () => {
  assert.equal(addressOf("192.0.2.7", "203.0.113.5"), "192.0.2.7");
  assert.equal(addressOf("192.0.2.7", "nonsense"), "192.0.2.7");
  assert.equal(addressOf("127.0.0.1", "203.0.113.5", sourceAddressBehind([])), "127.0.0.1");
  assert.equal(addressOf("10.0.0.1"), "10.0.0.1");
  assert.equal(addressOf("10.0.0.1", " "), "10.0.0.1");
});

test("of several hops the last one that no trusted proxy made counts: what a client puts in front does not", () => {
  assert.equal(addressOf("10.0.0.1", "1.1.1.1, 203.0.113.5"), "203.0.113.5");
  assert.equal(addressOf("10.0.0.1", "unknown, 203.0.113.5, 10.2.2.2"), "203.0.113.5");
  assert.equal(addressOf("fd00::1", "10.3.3.3,10.2.2.2"), "10.3.3.3", "when all are trusted, the first");
});

test("a port, brackets and a zone are taken off, and every address has one way to be written", () => {
  const cases: readonly (readonly [written: string, address: string])[] = [
    ["203.0.113.5:4711", "203.0.113.5"],
    ["[2001:db8::1]:4711", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["2001:DB8:0:0::1", "2001:db8::1"],
    ["::ffff:203.0.113.5", "203.0.113.5"],
    ["[::ffff:cb00:7105]:1", "203.0.113.5"],
    ["fe80::1%eth0", "fe80::1"],
  ];
  for (const [written, address] of cases) assert.equal(addressOf("10.0.0.1", written), address, written);
  assert.equal(addressOf("::ffff:10.0.0.1", "203.0.113.5"), "203.0.113.5");
  assert.equal(addressOf("::ffff:192.0.2.7"), "192.0.2.7");
});

test("a trusted proxy that names anything but an address has its requests refused", () => {
  for (const hop of [
    "unknown",
    "_hidden",
    "203.0.113",
    "203.0.113.5:",
    "203.0.113.5:123456",
    "203.0.113.0/24",
    "2001:db8::1]",
    "[203.0.113.5]:1",
    "[2001:db8::1]:x",
    '"[2001:db8::1]"',
    "client.example.com",
    "203.0.113.5,",
  ]) {
    assert.equal(addressOf("10.0.0.1", hop), "invalid_request", hop);
  }
});

test("an address keeps nothing of the header that it stood in", () => {
  const grown = heapKeptBy(1000, (at) => {
    const client = `203.113.${(at >> 7) + 100}.${(at & 127) + 100}`;
    return addressOf("10.0.0.1", flatText(`${"203.0.113.5,".repeat(1300)}${client}`));
  });
  // The headers have 15 MiB together.
  assert.ok(grown < 1_000_000, `grew by ${grown} bytes`);
});
