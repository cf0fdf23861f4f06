// Certificates for tests of TLS, made by the openssl command: an authority of its own, and what it has signed.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

export interface TestAuthority {
  /** Its own certificate. */
  readonly cert: string;
  /** For `localhost` unless it says otherwise. */
  issue(options?: { readonly name?: string; readonly days?: number }): Certificate;
  selfSigned(): Certificate;
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"];

export function testAuthority(): TestAuthority {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-ca-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string): string => join(folder, name);
  const read = (name: string): string => readFileSync(at(name), "utf8");
  const signed = (name: string, subject: string): void =>
    openssl("req", "-x509", ...newKey, "-keyout", at(`${name}.key`), "-out", at(name), "-subj", subject);
  signed("ca.pem", "/CN=test authority");
  return {
    cert: read("ca.pem"),
    issue: ({ name = "localhost", days = 1 } = {}) => {
      const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
      openssl("req", ...newKey, "-keyout", at("one.key"), "-out", at("one.csr"), ...subject);
      const ca = ["-CA", at("ca.pem"), "-CAkey", at("ca.pem.key"), "-copy_extensions", "copy"];
      openssl("x509", "-req", "-in", at("one.csr"), ...ca, "-days", String(days), "-out", at("one.pem"));
      return { key: read("one.key"), cert: read("one.pem") };
    },
    selfSigned: () => {
      signed("self.pem", "/CN=localhost");
      return { key: read("self.pem.key"), cert: read("self.pem") };
    },
  };
}

function openssl(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync("openssl", args, { encoding: "utf8" });
  assert.equal(
    error,
    undefined,
    "this test needs the `openssl` command; install it (`apt-get install openssl`)",
  );
  assert.equal(status, 0, stderr);
}
