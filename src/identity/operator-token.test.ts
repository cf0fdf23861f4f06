import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { OperatorError } from "../core/operator-error.ts";
import { isOperatorToken, readOperatorFile, writeOperatorFile } from "./operator-token.ts";

function dataFolder(t: TestContext): { readonly folder: string; readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-operator-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return { folder, path: join(folder, "operator.json") };
}

test("each start makes a new token, so that one in an older copy of the data authenticates nobody", async (t) => {
  const { folder, path } = dataFolder(t);
  const first = await writeOperatorFile(folder, "http://127.0.0.1:1");
  const copied = readOperatorFile(path);
  const second = await writeOperatorFile(folder, "http://127.0.0.1:2");
  assert.ok(isOperatorToken(first, copied.token));
  assert.ok(!isOperatorToken(second, copied.token));
  assert.deepEqual(readOperatorFile(path), second);
  assert.equal(second.url, "http://127.0.0.1:2");
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ["operator.json"]);
});

test("a file that others could read, or that is damaged, is replaced at the next start", async (t) => {
  const { folder, path } = dataFolder(t);
  const { token } = await writeOperatorFile(folder, "http://127.0.0.1:1");
  chmodSync(path, 0o644);
  const after = await writeOperatorFile(folder, "http://127.0.0.1:1");
  assert.notEqual(after.token, token);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  writeFileSync(path, "{");
  assert.ok(isOperatorToken(await writeOperatorFile(folder, "http://h"), readOperatorFile(path).token));
});

test("no other token than the file's is the operator's", async (t) => {
  const { folder } = dataFolder(t);
  const file = await writeOperatorFile(folder, "http://127.0.0.1:1");
  for (const other of ["", "pco_", file.token.slice(0, -1), `${file.token}x`, file.token.toUpperCase()]) {
    assert.ok(!isOperatorToken(file, other));
  }
});

test("what others can read, or what is no operator file, is refused in words that do not tell the token", (t) => {
  const { path } = dataFolder(t);
  const token = "pco_secretsecret";
  const url = "http://127.0.0.1:1";
  const refusal = (text: string, mode = 0o600): string => {
    writeFileSync(path, text);
    chmodSync(path, mode);
    try {
      readOperatorFile(path);
    } catch (fault) {
      assert.ok(fault instanceof OperatorError, String(fault));
      return fault.message;
    }
    return assert.fail(`${text} is refused`);
  };
  assert.match(refusal(JSON.stringify({ url, token }), 0o640), /chmod 600/);
  const broken = [
    `{"url":"${url}","token":"${token}"`,
    `"${token}"`,
    JSON.stringify({ url, token: "" }),
    JSON.stringify({ url, token: `${token}\r\nx-other: 1` }),
    JSON.stringify({ url: "nowhere", token }),
    JSON.stringify({ url }),
    "null",
    "",
  ];
  for (const text of broken) {
    const message = refusal(text);
    assert.match(message, /is not an operator file; start the gateway again/);
    assert.ok(!message.includes("secret"), message);
  }
  assert.equal(readFileSync(path, "utf8"), "");
});
