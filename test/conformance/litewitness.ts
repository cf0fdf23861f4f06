// Has a witness that others wrote, torchwood's litewitness, cosign the log of a real gateway: `node test/conformance/litewitness.ts`.
// Not among the tests, because it is installed from the Go module proxy:
// `go install filippo.io/torchwood/cmd/litewitness@v0.6.1`. It also needs OpenSSH, whose agent holds its key.

import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { cosignaturesOn, parseWitnessKey } from "portcullis-verify/log/cosignature.ts";
import { emptyHead, rootOf } from "portcullis-verify/log/merkle-tree.ts";
import { formatSignerKey, noteSigner } from "portcullis-verify/log/signed-note.ts";
import { freePort } from "../e2e/free-port.ts";
import { startGateway, type TestGateway, testFolder } from "../e2e/test-gateway.ts";

const name = "witness.example/litewitness";
const seed = Buffer.alloc(32, 43);
const signer = noteSigner("gate.example/litewitness", seed);
const patienceMs = 60_000;

const folder = testFolder();
const children: ChildProcess[] = [];
try {
  const { url, vkey } = await litewitness();
  say(`litewitness at ${url}: ${vkey}`);
  const gateway = await startGateway(gatewayFolder(url, vkey));
  try {
    const first = await cosigned(gateway, vkey, 0);
    for (let call = 0; call < 300; call += 1) await ask(gateway);
    const second = await cosigned(gateway, vkey, first + 600);
    say(`it cosigned ${first} entries, and then ${second} with the proof that they go on from those`);
    await gateway.stop();
    const again = await startGateway(gateway.folder);
    say(`after a restart it cosigned ${await cosigned(again, vkey, second)}`);
    await again.stop();
  } finally {
    await gateway.kill();
    rmSync(gateway.folder, { recursive: true, force: true });
  }
} finally {
  for (const child of children) child.kill();
  rmSync(folder, { recursive: true, force: true });
}

async function litewitness(): Promise<{ readonly url: string; readonly vkey: string }> {
  const [key, agent, database] = [join(folder, "key"), join(folder, "agent"), join(folder, "db")];
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  children.push(spawn("ssh-agent", ["-D", "-a", agent], { stdio: "ignore" }));
  const added = (): boolean => {
    try {
      execFileSync("ssh-add", [key], { env: { ...process.env, SSH_AUTH_SOCK: agent }, stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  };
  await until(async () => (added() ? true : null), "the agent has the key");
  const [, fingerprint = ""] = execFileSync("ssh-keygen", ["-l", "-f", key], { encoding: "utf8" }).split(" ");
  addLog(database);
  const listen = `127.0.0.1:${await freePort()}`;
  const options = [
    "-db",
    database,
    "-name",
    name,
    "-key",
    fingerprint,
    "-ssh-agent",
    agent,
    "-listen",
    listen,
  ];
  const witness = spawn("litewitness", options, { stdio: ["ignore", "ignore", "pipe"] });
  children.push(witness);
  let said = "";
  witness.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const vkey = await until(
    async () => /vkey="?(\S+?\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+)/.exec(said)?.[1] ?? null,
    "litewitness says its key",
  );
  return { url: `http://${listen}`, vkey };
}

/** What its `witnessctl add-log` and `add-key` do. */
function addLog(path: string): void {
  const database = new DatabaseSync(path);
  database.exec(`
    CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL);
    CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin));
  `);
  const empty = Buffer.from(rootOf(emptyHead)).toString("base64");
  database.prepare("INSERT INTO log VALUES (?, 0, ?)").run(signer.name, empty);
  database.prepare("INSERT INTO key VALUES (?, ?)").run(signer.name, signer.vkey);
  database.close();
}

function gatewayFolder(url: string, vkey: string): string {
  const made = testFolder({
    "portcullis.yaml": `providers: { demo: { type: demo } }
applications: [{ name: assistant }]
audit: { witnesses: [{ url: "${url}", vkey: "${vkey}" }] }
`,
  });
  mkdirSync(join(made, "keys"), { mode: 0o700 });
  writeFileSync(join(made, "keys", "log.key"), `${formatSignerKey(signer.name, seed)}\n`, { mode: 0o600 });
  return made;
}

async function ask({ url, key }: TestGateway): Promise<void> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "demo/assistant", messages: [{ role: "user", content: "Hello" }] }),
  });
  await answer.text();
  assert.equal(answer.status, 200);
}

/** The size of the first checkpoint beyond `size` that is given out, which has to be cosigned. */
function cosigned(gateway: TestGateway, vkey: string, size: number): Promise<number> {
  const witness = parseWitnessKey(vkey);
  assert.ok(witness.ok);
  return until(async () => {
    const { token }: { token: string } = JSON.parse(
      readFileSync(join(gateway.folder, "data/operator.json"), "utf8"),
    );
    const headers = { authorization: `Bearer ${token}` };
    const note = await (await fetch(`${gateway.url}/log/checkpoint`, { headers })).text();
    const checkpoint = openCheckpoint(note, signer);
    if (!checkpoint.ok || checkpoint.value.size <= size) return null;
    const found = cosignaturesOn(note, [witness.value]);
    assert.ok(found.ok && found.value.length === 1, note);
    return checkpoint.value.size;
  }, `more than ${size} entries are cosigned`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function until<Value>(look: () => Promise<Value | null>, what: string): Promise<Value> {
  for (const end = performance.now() + patienceMs; performance.now() < end; ) {
    const found = await look();
    if (found !== null) return found;
    await new Promise((resolved) => setTimeout(resolved, 100));
  }
  return assert.fail(`not within ${patienceMs} ms: ${what}`);
}
