// A certificate authority for tests, by the `openssl` command.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Issued {
  /** Files. */
  readonly cert: string;
  readonly key: string;
}

export interface TestAuthority extends Issued {
  readonly folder: string;
  readonly pem: string;
  /** A server's and client's certificate of this name, for 90 days from now. */
  issue(name: string): Issued;
}

export function testAuthority(): TestAuthority {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-ca-"));
  const cert = join(folder, "ca.pem");
  const key = join(folder, "ca.key");
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...curve,
    "-keyout",
    key,
    "-out",
    cert,
    "-subj",
    "/CN=test authority",
    "-days",
    "30",
  );
  return {
    folder,
    cert,
    key,
    pem: readFileSync(cert, "utf8"),
    issue: (name) => {
      const own = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
      const request = join(folder, `${name}.csr`);
      const extensions = join(folder, `${name}.ext`);
      writeFileSync(extensions, "subjectAltName=DNS:localhost,DNS:upstream.test,IP:127.0.0.1\n");
      openssl("req", ...curve, "-keyout", own.key, "-out", request, "-subj", `/CN=${name}`);
      openssl(
        ...["x509", "-req", "-in", request, "-CA", cert, "-CAkey", key, "-CAcreateserial"],
        ...["-out", own.cert, "-extfile", extensions, "-days", "90"],
      );
      return own;
    },
  };
}

function openssl(...args: readonly string[]): void {
  const ran = spawnSync("openssl", args, { encoding: "utf8" });
  if (ran.error !== undefined) throw new Error("these tests need `openssl` (Debian: apt install openssl)");
  if (ran.status !== 0) throw new Error(`openssl ${args[0]}: ${ran.stderr}`);
}
