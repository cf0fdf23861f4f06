import assert from "node:assert/strict";
import { test } from "node:test";
import { databaseFault } from "./database-url.ts";

test("a database on this machine, by a socket, or behind TLS is taken", () => {
  for (const url of [
    "postgres://gateway@127.0.0.1:5433/portcullis",
    "postgresql://gateway@localhost/portcullis",
    "postgres://gateway@[::1]:5432/portcullis",
    "postgres:///portcullis?host=/run/postgresql",
    "postgres://gateway@db.example/portcullis?sslmode=verify-full&sslrootcert=/etc/ca.pem",
    "postgres://gateway@db.example/portcullis?sslmode=disable",
  ]) {
    assert.equal(databaseFault(url), null, url);
  }
});

test("a password is refused, and no message repeats it", () => {
  for (const url of [
    "postgres://gateway:hunter2@localhost/portcullis",
    "postgres://gateway@localhost/portcullis?password=hunter2",
    "gateway:hunter2",
    "https://gateway:hunter2@localhost/portcullis",
    "postgres://gateway@localhost/portcullis?hunter2=1",
  ]) {
    const fault = databaseFault(url);
    assert.ok(fault !== null && !fault.includes("hunter2"), url);
  }
});

test("what leads elsewhere than it looks is refused", () => {
  for (const [url, fault] of [
    ["postgres://gateway@db.example/portcullis", /sslmode=verify-full/],
    ["postgres://gateway@db.example/portcullis?sslmode=require", /verify-full.*disable/],
    ["postgres://gateway@localhost/portcullis?host=db.example", /not on this machine/],
    ["postgres:///portcullis", /not on this machine/],
    ["postgres://gateway@localhost/", /names no database/],
    ["postgres://gateway@localhost/one/two", /names no database/],
    ["postgres://gateway@localhost/portcullis?options=-cfsync", /parameters/],
    ["postgres://gateway@localhost/portcullis#x", /fragment/],
    ["mysql://gateway@localhost/portcullis", /postgres:/],
  ] as const) {
    assert.match(databaseFault(url) ?? "", fault, url);
  }
});
