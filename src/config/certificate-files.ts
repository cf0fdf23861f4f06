// The certificates and keys that the config names, read and checked before anybody relies on them: a key that does not
// belong to its certificate would show as a handshake that fails for everybody.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fail, ok, type Result } from "../core/result.ts";

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly client_ca?: string | undefined;
}

export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | null;
  /** When the server's own certificate ends, in milliseconds since the epoch. */
  readonly ends: number;
  /** What does not keep it from being used, in words. */
  readonly warnings: readonly string[];
}

const days = 86_400_000;
/** From then on it is said at every start and reload. */
const soon = 14 * days;

/** `folder` is the one that the names are relative to. A failure is text for people, without the key. */
export async function readServerCertificate(
  folder: string,
  files: TlsFiles,
  now: number,
): Promise<Result<ServerCertificate, string>> {
  const cert = await readPem(folder, "server.tls.cert", files.cert);
  if (!cert.ok) return cert;
  const key = await readPem(folder, "server.tls.key", files.key);
  if (!key.ok) return key;
  const clientCa =
    files.client_ca === undefined
      ? ok(null)
      : await readAuthorities(folder, "server.tls.client_ca", files.client_ca);
  if (!clientCa.ok) return clientCa;
  const certificate = parsedCertificate(cert.value);
  if (certificate === null) return fail(`\`server.tls.cert\`: \`${files.cert}\` holds no certificate in PEM`);
  const privateKey = parsedKey(key.value);
  if (!privateKey.ok) return fail(`\`server.tls.key\`: \`${files.key}\` ${privateKey.failure}`);
  if (!certificate.checkPrivateKey(privateKey.value)) {
    return fail(
      `\`server.tls.key\`: \`${files.key}\` is not the key of the first certificate in \`${files.cert}\`; name the two that belong together, the server's own certificate first`,
    );
  }
  const ends = certificate.validToDate.getTime();
  const warnings = dateWarnings(files.cert, certificate.validFromDate.getTime(), ends, now);
  return ok({ cert: cert.value, key: key.value, clientCa: clientCa.value, ends, warnings });
}

/** The text of a file of certificates to trust; `place` is the key that names it. */
export async function readAuthorities(
  folder: string,
  place: string,
  file: string,
): Promise<Result<string, string>> {
  const read = await readPem(folder, place, file);
  if (!read.ok) return read;
  const blocks = read.value.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0 || blocks.some((block) => parsedCertificate(block) === null)) {
    return fail(`\`${place}\`: \`${file}\` holds no certificates in PEM, or one that cannot be read`);
  }
  return read;
}

async function readPem(folder: string, place: string, file: string): Promise<Result<string, string>> {
  try {
    return ok(await readFile(resolve(folder, file), "utf8"));
  } catch (fault) {
    const code = fault instanceof Error && "code" in fault ? String(fault.code) : "unknown";
    return fail(`\`${place}\`: \`${file}\` cannot be read (${code}); paths are relative to the config`);
  }
}

function parsedCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

function parsedKey(pem: string): Result<KeyObject, string> {
  if (/ENCRYPTED/.test(pem))
    return fail("has a passphrase; write the key out without one and guard the file");
  try {
    return ok(createPrivateKey(pem));
  } catch {
    return fail("holds no private key in PEM");
  }
}

function dateWarnings(file: string, begins: number, ends: number, now: number): readonly string[] {
  if (now < begins)
    return [`the certificate in \`${file}\` is valid only from ${shown(begins)} on; clients will refuse it`];
  if (now > ends) return [`the certificate in \`${file}\` ended ${shown(ends)}; clients will refuse it`];
  return ends - now < soon
    ? [`the certificate in \`${file}\` ends ${shown(ends)}; replace it and send SIGHUP`]
    : [];
}

function shown(time: number): string {
  return new Date(time).toISOString();
}
