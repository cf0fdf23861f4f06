import assert from "node:assert/strict";
import { test } from "node:test";
import { proxyExceptions } from "./proxy-exceptions.ts";

test("hosts, domains, addresses and ranges are exceptions, and what only looks like them is not", () => {
  const isException = proxyExceptions([
    "api.internal",
    ".corp.example",
    "10.0.0.0/8",
    "192.168.1.7",
    "fd00::/8",
  ]);
  for (const host of [
    "api.internal",
    "API.internal",
    "api.internal.",
    "corp.example",
    "a.b.corp.example",
    "10.9.8.7",
    "192.168.1.7",
    "fd12::1",
  ]) {
    assert.ok(isException(host), host);
  }
  for (const host of [
    "xapi.internal",
    "a.api.internal",
    "notcorp.example",
    "corp.example.evil.com",
    "11.0.0.1",
    "192.168.1.8",
    "fe80::1",
    "10.0.0.1.example",
  ]) {
    assert.ok(!isException(host), host);
  }
});

test("loopback always is, and `*` is everything", () => {
  const none = proxyExceptions([]);
  for (const host of ["localhost", "127.0.0.1", "127.9.9.9", "::1"]) assert.ok(none(host), host);
  assert.ok(!none("localhost.example"));
  assert.ok(proxyExceptions(["*"])("anything.example"));
});
