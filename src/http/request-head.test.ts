import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyRefusal } from "./request-head.ts";

function reasonFor(headers: Readonly<Record<string, string>>): string | null {
  return bodyRefusal({ "content-length": "10", ...headers }, 100)?.reason ?? null;
}

test("JSON in UTF-8 is read, however its media type is written", () => {
  for (const type of [
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/json ; charset=utf8; x=y",
    "application/json;",
  ]) {
    assert.equal(reasonFor({ "content-type": type }), null, type);
  }
  assert.equal(bodyRefusal({}, 100), null, "without a body there is nothing to say of it");
});

test("another media type, another charset and none at all are refused", () => {
  for (const type of [
    "text/plain",
    "application/jsonx",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-16",
    "application/json;charset=utf-16",
    "application/json; charset=utf-8; charset=utf-16",
    'application/json; CHARSET = "utf-7"',
    "application/json; charset=",
  ]) {
    assert.equal(reasonFor({ "content-type": type }), "unsupported_media_type", type);
  }
  assert.equal(reasonFor({}), "unsupported_media_type");
});

test("an encoded body is refused before it is taken for broken JSON", () => {
  const type = { "content-type": "application/json" };
  for (const encoding of ["gzip", "GZIP", "br", "identity, gzip", "x-unknown"]) {
    assert.equal(reasonFor({ ...type, "content-encoding": encoding }), "unsupported_media_type", encoding);
  }
  for (const encoding of ["identity", "Identity", ""]) {
    assert.equal(reasonFor({ ...type, "content-encoding": encoding }), null, encoding);
  }
});

test("a body that says it is too large is refused unread", () => {
  const type = { "content-type": "application/json" };
  assert.equal(reasonFor({ ...type, "content-length": "100" }), null);
  assert.equal(reasonFor({ ...type, "content-length": "101" }), "body_too_large");
});
