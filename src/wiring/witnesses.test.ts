import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import pino from "pino";
import { witnessSigner } from "portcullis-verify/log/cosignature.ts";
import { noteSigner } from "portcullis-verify/log/signed-note.ts";
import { MemoryLogStore, newLogState } from "../audit/log-store.test-support.ts";
import { loadConfig } from "../config/load.ts";
import { OperatorError } from "../core/operator-error.ts";
import { Egress } from "../egress/egress.ts";
import { openWitnesses } from "./witnesses.ts";

const keys = ["one", "two", "three"].map((name) => witnessSigner(name, Buffer.alloc(32, name)).vkey);
const list = keys.map((vkey) => `{ url: "https://${vkey.split("+")[0]}.example/w", vkey: "${vkey}" }`);

/** Whether it opened (or `null` where none is named), or in words why not. */
async function opened(t: TestContext, audit: string, policy = ""): Promise<string | null> {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-witnesses-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "portcullis.yaml"), `audit: { ${audit} }\n`);
  writeFileSync(join(folder, "policy"), policy);
  const loaded = await loadConfig(join(folder, "portcullis.yaml"));
  if (!loaded.ok) return loaded.failure.map(({ path, message }) => `${path}: ${message}`).join();
  try {
    const witnessing = await openWitnesses({
      loaded: loaded.value,
      store: new MemoryLogStore(newLogState()),
      egress: new Egress({ proxy: null, authorities: null }),
      log: pino({ level: "silent" }),
    });
    await witnessing?.close();
    return witnessing === null ? null : "opened";
  } catch (fault) {
    assert.ok(fault instanceof OperatorError, String(fault));
    return fault.message;
  }
}

test("witnesses are those of the config, and enough of them what it says", async (t) => {
  assert.equal(await opened(t, "witnesses: []"), null);
  assert.equal(await opened(t, `witnesses: [${list.join()}]`), "opened");
  for (const count of [0, 1, 3])
    assert.equal(await opened(t, `witnesses: [${list.join()}], witness_policy: ${count}`), "opened");
  const witnesses = keys.map((vkey, at) => `witness w${at} ${vkey}\n`).join("");
  const policy = `${witnesses}group g 2 w0 w1 w2\nquorum g\n`;
  assert.equal(await opened(t, `witnesses: [${list.join()}], witness_policy: policy`, policy), "opened");
});

test("what cannot be meant is said before anything is asked", async (t) => {
  const [first = "", second = ""] = list;
  const log = noteSigner("one", Buffer.alloc(32, 1)).vkey;
  const wrong: readonly (readonly [audit: string, policy: string, said: RegExp])[] = [
    [
      `witnesses: [${list.join()}], witness_policy: 4`,
      "",
      /audit\.witness_policy: 4 have to cosign and .* has 3/,
    ],
    [`witnesses: [${first}, ${first}]`, "", /audit\.witnesses\.1\.vkey: the witness stands twice/],
    [`witnesses: [{ url: "ftp://x", vkey: "${keys[0]}" }]`, "", /audit\.witnesses\.0\.url/],
    [`witnesses: [{ url: "https://x.example", vkey: "one" }]`, "", /write a verifier key/],
    [
      `witnesses: [{ url: "https://x.example", vkey: "${log}" }]`,
      "",
      /entry 1: .*not a witness's Ed25519 key/,
    ],
    [`witnesses: [${first}], witness_policy: nowhere`, "", /`nowhere` .* cannot be read \(ENOENT\)/],
    [
      `witnesses: [${first}], witness_policy: policy`,
      "quorum two\n",
      /`policy`, line 1: `two` is not defined/,
    ],
    [
      `witnesses: [${second}], witness_policy: policy`,
      `witness one ${keys[0]}\nquorum one\n`,
      /asks for cosignatures of witnesses that are not in `audit.witnesses`/,
    ],
  ];
  for (const [audit, policy, said] of wrong) assert.match((await opened(t, audit, policy)) ?? "", said);
});
