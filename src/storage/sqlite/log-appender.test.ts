import assert from "node:assert/strict";
import { test } from "node:test";
import { uuidv7 } from "../../core/id.ts";
import { idBytes } from "./log-appender.ts";

test("the bytes of an id are its hexadecimal digits, and there are none of what is no id", () => {
  for (let count = 0; count < 1_000; count += 1) {
    const id = uuidv7(Date.now() + count);
    assert.equal(Buffer.from(idBytes(id) ?? []).toString("hex"), id.replaceAll("-", ""));
  }
  const id = "01939f6e-3c2b-7d10-8a53-0d4c5f6a7b8c";
  for (let at = 0; at < id.length; at += 1) {
    for (const wrong of ["g", "A", " ", "\u0130", "-", ""]) {
      const other = id.slice(0, at) + wrong + id.slice(at + 1);
      if (other !== id) assert.equal(idBytes(other), null, other);
    }
    const digit = id[at] === "-" ? "0" : null;
    if (digit !== null) assert.equal(idBytes(id.slice(0, at) + digit + id.slice(at + 1)), null);
  }
  for (const none of ["", `${id}0`, `{${id.slice(2)}}`, "0".repeat(36)]) assert.equal(idBytes(none), null);
});
