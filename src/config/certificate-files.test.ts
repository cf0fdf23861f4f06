import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { testAuthority } from "../../test/e2e/certificates.ts";
import { readAuthorities, readServerCertificate } from "./certificate-files.ts";

const authority = testAuthority();
after(() => rmSync(authority.folder, { recursive: true }));
/** Behind the moment from which the certificates made here are valid. */
const now = Date.now() + 60_000;

function read(cert: string, key: string, more: { readonly client_ca?: string } = {}) {
  return readServerCertificate(authority.folder, { cert, key, ...more }, now);
}

async function refusal(
  cert: string,
  key: string,
  more: { readonly client_ca?: string } = {},
): Promise<string> {
  const result = await read(cert, key, more);
  assert.ok(!result.ok, "it must be refused");
  return result.failure;
}

test("a certificate and its key are read, relative to the config", async () => {
  authority.issue("good");
  const result = await read("good.pem", "good.key", { client_ca: "ca.pem" });
  assert.ok(result.ok);
  assert.deepEqual(result.value.warnings, []);
  assert.equal(result.value.clientCa, authority.pem);
  assert.ok(Math.abs(result.value.ends - now - 90 * 86_400_000) < 120_000);
});

test("what cannot be used is named with its key in the config, and no key's text is shown", async () => {
  authority.issue("one");
  authority.issue("two");
  const { folder } = authority;
  writeFileSync(join(folder, "nonsense.pem"), "nonsense");
  writeFileSync(
    join(folder, "locked.key"),
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
  );
  const secret = readFileSync(join(folder, "two.key"), "utf8").split("\n")[1] ?? "";
  for (const [cert, key, expected] of [
    [
      "one.pem",
      "two.key",
      /`server\.tls\.key`: `two\.key` is not the key of the first certificate in `one\.pem`/,
    ],
    ["absent.pem", "one.key", /`server\.tls\.cert`: `absent\.pem` cannot be read \(ENOENT\)/],
    ["one.pem", "absent.key", /`server\.tls\.key`: `absent\.key` cannot be read \(ENOENT\)/],
    ["nonsense.pem", "one.key", /`nonsense\.pem` holds no certificate in PEM/],
    ["one.pem", "nonsense.pem", /`nonsense\.pem` holds no private key in PEM/],
    ["one.pem", "locked.key", /has a passphrase/],
    ["two.key", "two.key", /holds no certificate in PEM/],
  ] as const) {
    const text = await refusal(cert, key);
    assert.match(text, expected);
    assert.ok(!text.includes(secret));
  }
  assert.match(await refusal("one.pem", "one.key", { client_ca: "one.key" }), /`server\.tls\.client_ca`/);
});

test("the server's own certificate stands first in its chain", async () => {
  authority.issue("leaf");
  const { folder } = authority;
  const leaf = readFileSync(join(folder, "leaf.pem"), "utf8");
  writeFileSync(join(folder, "chain.pem"), leaf + authority.pem);
  writeFileSync(join(folder, "reversed.pem"), authority.pem + leaf);
  assert.ok((await read("chain.pem", "leaf.key")).ok);
  assert.match(await refusal("reversed.pem", "leaf.key"), /the server's own certificate first/);
});

test("a certificate that is not valid yet, ends soon or has ended is used, with a warning", async () => {
  authority.issue("dated");
  const warned = async (days: number): Promise<string> => {
    const files = { cert: "dated.pem", key: "dated.key" };
    const result = await readServerCertificate(authority.folder, files, now + days * 86_400_000);
    return result.ok ? result.value.warnings.join() : result.failure;
  };
  assert.match(await warned(-1), /`dated\.pem` is valid only from .*clients will refuse it/);
  assert.equal(await warned(70), "");
  assert.match(await warned(80), /`dated\.pem` ends .*SIGHUP/);
  assert.match(await warned(91), /`dated\.pem` ended .*clients will refuse it/);
});

test("a file of authorities may hold several, and each must be one", async () => {
  const { folder } = authority;
  writeFileSync(join(folder, "two-ca.pem"), authority.pem + authority.pem);
  writeFileSync(
    join(folder, "broken-ca.pem"),
    `${authority.pem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
  );
  assert.ok((await readAuthorities(folder, "egress.ca", "two-ca.pem")).ok);
  assert.ok(!(await readAuthorities(folder, "egress.ca", "broken-ca.pem")).ok);
  assert.ok(!(await readAuthorities(folder, "egress.ca", "good.key")).ok);
});
