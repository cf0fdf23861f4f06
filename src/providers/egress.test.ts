import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { test } from "node:test";
import { type AddressReach, guardedLookup, reachOf } from "./egress.ts";

const reaches: Readonly<Record<AddressReach, readonly string[]>> = {
  outside: ["1.1.1.1", "172.32.0.1", "172.15.255.255", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"],
  loopback: ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"],
  internal: [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "198.18.0.1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:0:10.0.0.1",
    "::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
  ],
  never: [
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "ff02::1",
    "",
    "localhost",
  ],
};

for (const [reach, addresses] of Object.entries(reaches)) {
  test(`these addresses reach ${reach}`, () => {
    for (const address of addresses) assert.equal(reachOf(address), reach, address);
  });
}

type Outcome = string | readonly LookupAddress[];

function looked(hostname: string, addresses: readonly string[], allowPrivate: boolean): Outcome {
  const answers = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  let outcome: Outcome = "not called";
  const lookup = guardedLookup(allowPrivate, (_hostname, _options, callback) => callback(null, answers));
  lookup(hostname, { all: true }, (error, found) => {
    outcome = error !== null ? String(error.code) : (found as LookupAddress[]);
  });
  return outcome;
}

test("a name may lead outside, and the connection gets the very addresses that were checked", () => {
  assert.deepEqual(looked("api.example", ["1.1.1.1", "2606:4700::1111"], false), [
    { address: "1.1.1.1", family: 4 },
    { address: "2606:4700::1111", family: 6 },
  ]);
});

test("a name that leads inside is refused, also when only one of its addresses does", () => {
  for (const inside of ["127.0.0.1", "10.1.2.3", "169.254.169.254", "fe80::1", "::ffff:192.168.0.1"]) {
    assert.equal(looked("api.example", [inside], false), "EGRESS_REFUSED");
    assert.equal(looked("api.example", ["1.1.1.1", inside], false), "EGRESS_REFUSED");
    assert.notEqual(looked("api.example", [inside], true), "EGRESS_REFUSED");
  }
});

test("nothing may lead nowhere, and a name without addresses is refused", () => {
  assert.equal(looked("api.example", ["0.0.0.0"], true), "EGRESS_REFUSED");
  assert.equal(looked("api.example", [], true), "EGRESS_REFUSED");
});

test("`localhost` may lead only to this host", () => {
  assert.deepEqual(looked("localhost", ["127.0.0.1"], false), [{ address: "127.0.0.1", family: 4 }]);
  assert.equal(looked("localhost", ["169.254.169.254"], false), "EGRESS_REFUSED");
  assert.equal(looked("localhost", ["1.1.1.1"], false), "EGRESS_REFUSED");
});

test("an error of the resolver is passed on", () => {
  const failure = Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
  let seen: unknown = null;
  guardedLookup(false, (_hostname, _options, callback) => callback(failure, []))("x", {}, (error) => {
    seen = error;
  });
  assert.equal(seen, failure);
});
