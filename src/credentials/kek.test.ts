import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type TestContext, test } from "node:test";
import { OperatorError } from "../core/operator-error.ts";
import { KeyEncryptionKey, openKek } from "./kek.ts";

const bytes = Buffer.from(Array.from({ length: 32 }, (_, at) => (at * 37 + 251) % 256));
const { keyId } = new KeyEncryptionKey(bytes);
const other = Buffer.alloc(32, 9);

function keysFolder(t: TestContext, kek?: string): string {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-kek-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  if (kek !== undefined) writeFileSync(join(folder, "kek"), kek, { mode: 0o600 });
  return folder;
}

/** The folder that a service manager would hand over. */
function credentials(t: TestContext, kek: string, mode = 0o440): NodeJS.ProcessEnv {
  const folder = keysFolder(t);
  writeFileSync(join(folder, "portcullis-kek"), kek, { mode });
  return { CREDENTIALS_DIRECTORY: folder };
}

async function refusal(opening: Promise<unknown>): Promise<string> {
  const fault: unknown = await opening.then(
    () => assert.fail("it must be refused"),
    (thrown: unknown) => thrown,
  );
  assert.ok(fault instanceof OperatorError, String(fault));
  return fault.message;
}

test("a key is 32 bytes in base64, base64url or hexadecimal digits, wherever it comes from", async (t) => {
  const written = [
    bytes.toString("base64"),
    `  ${bytes.toString("base64")}\n`,
    bytes.toString("base64").replace("=", ""),
    bytes.toString("base64url"),
    bytes.toString("hex"),
    `${bytes.toString("hex").toUpperCase()}\r\n`,
  ];
  assert.match(written[0] ?? "", /[+/]/, "the sample must tell base64 from base64url");
  for (const text of written) {
    assert.equal((await openKek(keysFolder(t, text), false, {})).keyId, keyId);
    assert.equal((await openKek(keysFolder(t), false, { PORTCULLIS_KEK: text })).keyId, keyId);
    assert.equal((await openKek(keysFolder(t), false, credentials(t, text))).keyId, keyId);
  }
});

test("what is not surely a key is refused, with its place and without itself", async (t) => {
  const wrong = [
    "",
    "\n",
    "correct horse battery staple",
    bytes.subarray(1).toString("base64"),
    Buffer.concat([bytes, bytes]).toString("base64"),
    bytes.toString("hex").slice(2),
    `${bytes.toString("hex")}0`,
    // Node's decoder leaves out what it does not know, and would give 32 bytes.
    `${bytes.toString("base64").slice(0, 20)}*${bytes.toString("base64").slice(20)}`,
    `${bytes.toString("base64").slice(0, 20)}\n${bytes.toString("base64").slice(20)}`,
    `_${bytes.toString("base64").slice(1, 43)}`,
    bytes.toString("latin1"),
  ];
  for (const text of wrong) {
    const folder = keysFolder(t, text);
    const environment = { PORTCULLIS_KEK: text };
    for (const [message, place] of [
      [await refusal(openKek(folder, true, {})), join(folder, "kek")],
      [await refusal(openKek(keysFolder(t), true, environment)), "PORTCULLIS_KEK"],
      [await refusal(openKek(keysFolder(t), true, credentials(t, text))), "portcullis-kek"],
    ] as const) {
      assert.ok(message.includes(place), message);
      assert.match(message, /is empty|is not 32 bytes/);
      if (text.trim() !== "") assert.ok(!message.includes(text.trim()), "the message must not tell the key");
    }
    assert.deepEqual(environment, {}, "it is taken from the environment all the same");
    assert.equal(readFileSync(join(folder, "kek"), "utf8"), Buffer.from(text).toString());
  }
});

test("the variable is taken from the environment, with a warning that does not tell it, and no file is made", async (t) => {
  const folder = join(keysFolder(t), "keys");
  const environment: NodeJS.ProcessEnv = { PORTCULLIS_KEK: bytes.toString("hex"), HOME: "/h" };
  const warnings: string[] = [];
  const kek = await openKek(folder, true, environment, (message) => warnings.push(message));
  assert.equal(kek.keyId, keyId);
  assert.deepEqual(environment, { HOME: "/h" });
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0] ?? "",
    /`PORTCULLIS_KEK`.*\/proc\/PID\/environ.*`\$CREDENTIALS_DIRECTORY\/portcullis-kek`/,
  );
  assert.ok(!warnings.join().includes(bytes.toString("hex")));
  assert.ok(!existsSync(folder));
});

test("a process whose key was in its environment hands it on to none that it starts", (t) => {
  const script = `
    import { spawnSync } from "node:child_process";
    import { openKek } from ${JSON.stringify(join(import.meta.dirname, "kek.ts"))};
    const kek = await openKek(${JSON.stringify(keysFolder(t))}, false, process.env, () => {});
    console.log(kek.keyId, "PORTCULLIS_KEK" in process.env, spawnSync("env").stdout.toString().includes("PORTCULLIS_KEK"));
  `;
  const env = { ...process.env, PORTCULLIS_KEK: bytes.toString("base64") };
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], { env, encoding: "utf8" });
  assert.equal(run.stdout.trim(), `${keyId} false false`, run.stderr);
});

test("without a variable there is no warning", async (t) => {
  const warn = (message: string): void => assert.fail(message);
  await openKek(keysFolder(t), true, {}, warn);
  await openKek(keysFolder(t, bytes.toString("base64")), false, {}, warn);
  await openKek(keysFolder(t), false, credentials(t, bytes.toString("base64")), warn);
});

test("what the service manager hands over is used without a file, and its group bits are not looked at", async (t) => {
  const folder = join(keysFolder(t), "keys");
  for (const mode of [0o400, 0o440, 0o444]) {
    const kek = await openKek(folder, true, credentials(t, bytes.toString("hex"), mode));
    assert.equal(kek.keyId, keyId);
  }
  assert.ok(!existsSync(folder));
});

test("a credentials folder without our key, or an empty variable for it, leaves the file", async (t) => {
  const folder = keysFolder(t, bytes.toString("base64"));
  for (const directory of ["", keysFolder(t), join(keysFolder(t), "absent")]) {
    assert.equal((await openKek(folder, false, { CREDENTIALS_DIRECTORY: directory })).keyId, keyId);
  }
  const relativePath = relative(process.cwd(), keysFolder(t));
  assert.match(
    await refusal(openKek(folder, false, { CREDENTIALS_DIRECTORY: relativePath })),
    /absolute path/,
  );
});

test("two places may give the same key, and never different ones", async (t) => {
  const same = { ...credentials(t, bytes.toString("hex")), PORTCULLIS_KEK: bytes.toString("base64") };
  const warnings: string[] = [];
  const kek = await openKek(keysFolder(t, bytes.toString("base64url")), false, same, (message) =>
    warnings.push(message),
  );
  assert.equal(kek.keyId, keyId);
  assert.equal(warnings.length, 1, "the variable is no better for being unnecessary");
  const folder = keysFolder(t, other.toString("base64"));
  const inFile = join(folder, "kek");
  const given = credentials(t, bytes.toString("hex"));
  for (const [environment, first] of [
    [{ PORTCULLIS_KEK: bytes.toString("hex") }, "PORTCULLIS_KEK"],
    [given, join(given["CREDENTIALS_DIRECTORY"] ?? "", "portcullis-kek")],
  ] as const) {
    const message = await refusal(openKek(folder, true, environment));
    assert.match(message, /hold different keys/);
    assert.ok(message.includes(first) && message.includes(inFile), message);
  }
  const both = { ...given, PORTCULLIS_KEK: other.toString("hex") };
  assert.match(
    await refusal(openKek(keysFolder(t), true, both)),
    /portcullis-kek.*PORTCULLIS_KEK.*different keys/,
  );
});

test("a file that others could have read or replaced is refused and left as it is", async (t) => {
  const folder = keysFolder(t, bytes.toString("base64"));
  const file = join(folder, "kek");
  for (const mode of [0o640, 0o604, 0o660, 0o601, 0o610, 0o777]) {
    chmodSync(file, mode);
    assert.match(await refusal(openKek(folder, false, {})), /can be read by others; run `chmod 600/);
    assert.equal(statSync(file).mode & 0o777, mode);
  }
  for (const mode of [0o600, 0o400]) {
    chmodSync(file, mode);
    assert.equal((await openKek(folder, false, {})).keyId, keyId);
  }
  for (const mode of [0o770, 0o707, 0o722]) {
    chmodSync(folder, mode);
    assert.match(await refusal(openKek(folder, false, {})), /can be written by others; run `chmod 700/);
  }
  chmodSync(folder, 0o755);
  assert.equal((await openKek(folder, false, {})).keyId, keyId);
});

test("a link to a key is checked where it leads, and what is no file is refused in words", async (t) => {
  const real = keysFolder(t, bytes.toString("base64"));
  const folder = keysFolder(t);
  symlinkSync(join(real, "kek"), join(folder, "kek"));
  assert.equal((await openKek(folder, true, {})).keyId, keyId);
  chmodSync(join(real, "kek"), 0o644);
  assert.match(await refusal(openKek(folder, true, {})), /can be read by others/);
  const odd = keysFolder(t);
  mkdirSync(join(odd, "kek"), { mode: 0o700 });
  assert.match(await refusal(openKek(odd, true, {})), /cannot be read \(EISDIR\)/);
});

test("keys that others may see are not made, and a made one is for its owner alone whatever the umask", async (t) => {
  const folder = join(keysFolder(t), "a", "keys");
  const before = process.umask(0);
  try {
    await openKek(folder, true, {});
  } finally {
    process.umask(before);
  }
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(statSync(join(folder, "kek")).mode & 0o777, 0o600);
  assert.equal(Buffer.from(readFileSync(join(folder, "kek"), "utf8"), "base64").length, 32);
});

test("of two that make a key at once both use the same", async (t) => {
  const folder = keysFolder(t);
  const keks = await Promise.all(Array.from({ length: 5 }, () => openKek(folder, true, {})));
  assert.equal(new Set(keks.map((kek) => kek.keyId)).size, 1);
});
